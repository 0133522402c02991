//! The mix of requests: popular videos far more often than others, and a change now and then.

use hyper::Method;
use serde_json::json;

use super::client::Ask;
use crate::seed::{CHANNELS, SUBJECTS, VIDEOS};

/// The exponent of Zipf's law, as it is found in requests to web sites.
const SKEW: f64 = 0.99;

/// One endpoint of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET /videos/{id}`
    Video,
    /// `GET /videos/{id}/comments`
    Comments,
    /// `GET /channels/{channel}/videos`
    Channel,
    /// `GET /videos?search=`
    Search,
    /// `GET /popular`
    Popular,
    /// `GET /videos/{id}/analysis`
    Analysis,
    /// `POST /videos/{id}/views`
    View,
    /// `POST /videos/{id}/comments`
    Comment,
    /// `PATCH /videos/{id}`
    Rename,
}

impl Endpoint {
    /// All of them, with how many of 1,000 requests go there: 20 change something.
    pub const ALL: [(Endpoint, u32); 9] = [
        (Endpoint::Video, 550),
        (Endpoint::Comments, 150),
        (Endpoint::Channel, 100),
        (Endpoint::Search, 80),
        (Endpoint::Popular, 60),
        (Endpoint::Analysis, 40),
        (Endpoint::View, 12),
        (Endpoint::Comment, 5),
        (Endpoint::Rename, 3),
    ];

    /// Method and path.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Video => "GET /videos/{id}",
            Endpoint::Comments => "GET /videos/{id}/comments",
            Endpoint::Channel => "GET /channels/{channel}/videos",
            Endpoint::Search => "GET /videos?search=",
            Endpoint::Popular => "GET /popular",
            Endpoint::Analysis => "GET /videos/{id}/analysis",
            Endpoint::View => "POST /videos/{id}/views",
            Endpoint::Comment => "POST /videos/{id}/comments",
            Endpoint::Rename => "PATCH /videos/{id}",
        }
    }

    /// Returns whether the limit on times applies: the endpoint is cached, and a miss only needs the
    /// database. The time of an analysis that is not cached is that of the paid API.
    #[must_use]
    pub fn is_limited(self) -> bool {
        !matches!(self, Endpoint::Analysis | Endpoint::View | Endpoint::Comment | Endpoint::Rename)
    }
}

#[derive(Debug)]
pub(crate) struct Mix {
    /// For each video the part of all requests that go to it or to a more popular one.
    shares: Vec<f64>,
}

impl Mix {
    pub(crate) fn new() -> Self {
        let mut sum = 0.0;
        let mut shares: Vec<_> = (1..=u16::try_from(VIDEOS).unwrap_or(u16::MAX))
            .map(|rank| {
                sum += f64::from(rank).powf(-SKEW);
                sum
            })
            .collect();
        shares.iter_mut().for_each(|share| *share /= sum);
        Mix { shares }
    }

    /// The next request.
    pub(crate) fn draw(&self) -> (Endpoint, Ask) {
        let mut number = fastrand::u32(..Endpoint::ALL.iter().map(|(_, share)| share).sum::<u32>());
        let mut endpoint = Endpoint::Video;
        for (each, share) in Endpoint::ALL {
            if number < share {
                endpoint = each;
                break;
            }
            number -= share;
        }
        (endpoint, self.ask(endpoint))
    }

    fn ask(&self, endpoint: Endpoint) -> Ask {
        let id = self.video();
        let get = |path| Ask { method: Method::GET, path, body: None };
        let post = |path, body| Ask { method: Method::POST, path, body };
        match endpoint {
            Endpoint::Video => get(format!("/videos/{id}")),
            Endpoint::Comments => get(format!("/videos/{id}/comments")),
            Endpoint::Channel => get(format!("/channels/{}/videos", any(&CHANNELS))),
            Endpoint::Search => get(format!("/videos?search={}", any(&SUBJECTS))),
            Endpoint::Popular => get("/popular".to_owned()),
            Endpoint::Analysis => get(format!("/videos/{id}/analysis")),
            Endpoint::View => post(format!("/videos/{id}/views"), None),
            Endpoint::Comment => {
                // On unpopular videos as well: the comments on one must not grow without end.
                let id = fastrand::i64(1..=VIDEOS);
                let body = json!({ "author": "Grace", "text": "I had to see this." });
                post(format!("/videos/{id}/comments"), Some(body.to_string()))
            }
            Endpoint::Rename => {
                let title = format!("The {} revisited", any(&SUBJECTS));
                let body = Some(json!({ "title": title }).to_string());
                Ask { method: Method::PATCH, path: format!("/videos/{id}"), body }
            }
        }
    }

    fn video(&self) -> i64 {
        let drawn = fastrand::f64();
        let rank = self.shares.partition_point(|share| *share < drawn);
        i64::try_from(rank + 1).unwrap_or(VIDEOS).min(VIDEOS)
    }
}

fn any<'a>(of: &[&'a str]) -> &'a str {
    of[fastrand::usize(..of.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_video_is_asked_for_most_and_the_last_one_too() {
        let mix = Mix::new();
        let mut asked = vec![0; usize::try_from(VIDEOS).unwrap_or(0) + 1];
        for _ in 0..100_000 {
            asked[usize::try_from(mix.video()).unwrap_or(0)] += 1;
        }
        assert_eq!(asked[0], 0);
        // Zipf's law over 500: 14.6 % for the first, half as many for the second.
        assert!((13_000..16_500).contains(&asked[1]), "{}", asked[1]);
        assert!((6_300..8_500).contains(&asked[2]), "{}", asked[2]);
        assert!(asked[250..].iter().sum::<i32>() > 5_000);
    }

    #[test]
    fn two_of_a_hundred_requests_change_something() {
        let mix = Mix::new();
        let changes = (0..100_000).filter(|_| mix.draw().1.method != Method::GET).count();
        assert!((1_700..2_300).contains(&changes), "{changes}");
    }
}
