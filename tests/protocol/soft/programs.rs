//! The programs that are searched.

use super::Role::{Hard, Load, Read, Soft};
use super::{Role, SoftModel, SoftRule};
use crate::search::{Violation, explore};

const PROGRAMS: [&[Role]; 6] = [
    &[Soft, Load, Read, Read],
    &[Soft, Soft, Load, Read],
    &[Soft, Soft, Read, Read],
    &[Soft, Hard, Load, Read],
    &[Soft, Hard, Read, Read],
    &[Soft, Soft, Hard, Read],
];

const LONG_PROGRAMS: [&[Role]; 2] =
    [&[Soft, Soft, Hard, Load, Read], &[Soft, Soft, Load, Read, Read]];

fn search(roles: &[Role], off: Option<SoftRule>) -> Result<usize, Violation> {
    let search =
        |is_cluster| explore(&SoftModel { roles: roles.to_vec(), off, evictions: 1, is_cluster });
    Ok(search(false)? + search(true)?)
}

#[test]
fn soft_invalidations_weaken_nothing_and_serve_nothing_too_old() {
    search_all(&PROGRAMS);
}

#[test]
#[ignore = "takes minutes"]
fn soft_invalidations_at_length() {
    search_all(&LONG_PROGRAMS);
}

fn search_all(programs: &[&[Role]]) {
    let mut states = 0;
    for roles in programs {
        match search(roles, None) {
            Ok(number) => states += number,
            Err(violation) => panic!("{roles:?}:\n{}", violation.story),
        }
    }
    println!("{states} states of soft invalidations");
    assert!(states > 10_000, "{states}");
}

#[test]
fn each_rule_of_soft_invalidations_is_needed() {
    for rule in [
        SoftRule::RecordsBelongToTokens,
        SoftRule::ChainsBelongToTokens,
        SoftRule::SwapsCompare,
        SoftRule::DeadlinesAreKept,
        SoftRule::DeadlinesAreCompared,
        SoftRule::SoftDropsCachedTokens,
        SoftRule::PredecessorsAreStale,
        SoftRule::TokensNotedFirst,
    ] {
        let is_wrong = |roles: &&[Role]| search(roles, Some(rule)).is_err();
        assert!(
            PROGRAMS.iter().chain(&LONG_PROGRAMS).any(is_wrong),
            "nothing goes wrong without {rule:?}"
        );
    }
}
