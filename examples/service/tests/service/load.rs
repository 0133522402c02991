use std::time::Duration;

use cache_example_service::load::{Endpoint, Plan, run};

use crate::running::Running;

fn plan(service: &Running, rate: Option<f64>) -> Plan {
    let seconds = Duration::from_secs(1);
    Plan { target: service.target.clone(), connections: 8, rate, seconds }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_of_a_second_has_no_errors_and_all_percentiles() {
    let service = Running::start().await;
    let report = run(plan(&service, None)).await.unwrap();
    assert_eq!(report.errors(), 0, "{report}");
    for (endpoint, share) in Endpoint::ALL.into_iter().filter(|(_, share)| *share >= 40) {
        let within = |part| report.within(endpoint, part).unwrap();
        assert!(!within(0.5).is_zero(), "{report}");
        assert!(within(0.5) <= within(0.9) && within(0.9) <= within(0.99), "{report}");
        assert!(within(0.99) <= within(1.0), "{report}");
        assert!(report.to_string().contains(endpoint.name()), "{share}");
    }
    let (loads, hits) = service.loads_and_hits("video").await;
    assert!(loads > 0 && hits > loads, "{loads} loads, {hits} hits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_with_a_rate_keeps_it() {
    let service = Running::start().await;
    let report = run(plan(&service, Some(200.0))).await.unwrap();
    assert_eq!((report.requests(), report.errors()), (200, 0), "{report}");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_an_error() {
    let service = Running::start().await;
    let plan = plan(&service, None);
    let target = "http://127.0.0.1:1".parse().unwrap();
    assert!(run(Plan { target, ..plan }).await.is_err());
}
