//! Each rule switched off: the model must find out what it is good for.

use crate::programs::{NONE, program};
use crate::redis::What::{Name, Prefix, PrefixAndOwn};
use crate::rules::Known::{Before, Within};
use crate::rules::Role::{Call, Clear, Direct, Invalidate, Other, Put};
use crate::rules::Servers::{PrefixApart, RootApart, TokensApart};
use crate::rules::Start::{Cold, Stored, TokensCached, Warm};
use crate::rules::{Model, Program, Rule};
use crate::search::{Violation, explore};
use crate::state::Mishaps;

/// The program goes well with the rule, and badly without it.
pub fn needs(rule: Rule, program: Program) {
    let with = explore(&Model { program, off: None });
    let states = with.unwrap_or_else(|violation| panic!("{rule:?} is on:\n{}", violation.story));
    match explore(&Model { program, off: Some(rule) }) {
        Ok(_) => panic!("without {rule:?} nothing goes wrong in {states} states"),
        Err(Violation { steps, story }) => {
            println!("{states} states hold; without {rule:?} {steps} steps go wrong:\n{story}");
        }
    }
}

#[test]
fn tokens_noted_after_the_body_hide_an_invalidation() {
    needs(Rule::TokensNotedFirst, program(Cold, &[Call(0), Invalidate(1, Prefix)], NONE));
}

#[test]
fn a_plain_set_lands_on_top_of_an_invalidation() {
    needs(Rule::LoadsLeavePlaceholders, program(Cold, &[Call(0), Invalidate(1, Name)], NONE));
}

#[test]
fn a_load_that_stores_over_nothing_undoes_an_invalidation() {
    needs(Rule::AbsentEqualsNothing, program(Cold, &[Call(0), Invalidate(1, Name)], NONE));
}

#[test]
fn a_tombstone_that_is_evicted_lets_an_old_value_in() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    needs(Rule::PlaceholdersNotTombstones, program(Cold, &[Call(0), Invalidate(1, Name)], mishaps));
}

#[test]
fn generations_raised_before_redis_let_a_reader_bring_the_old_value_back() {
    needs(Rule::RedisFirst, program(Stored, &[Call(0), Invalidate(0, Name)], NONE));
}

#[test]
fn own_invalidations_do_not_come_over_the_feed() {
    needs(Rule::OwnGenerations, program(Warm, &[Invalidate(0, Name)], NONE));
}

#[test]
fn a_notice_that_is_ahead_of_its_removal_is_forgotten_by_then() {
    needs(Rule::RemovedWhenPublished, program(Stored, &[Call(1), Invalidate(0, Name)], NONE));
    needs(Rule::RemovedWhenPublished, program(Stored, &[Call(1), Invalidate(0, Prefix)], NONE));
}

#[test]
fn a_token_fetched_before_an_invalidation_is_not_cached_after_it() {
    needs(Rule::TokenCacheNotesFirst, program(Stored, &[Call(1), Invalidate(0, Prefix)], NONE));
}

#[test]
fn notices_with_tokens_overtake_one_another() {
    let roles = &[Call(0), Invalidate(0, Prefix), Invalidate(0, Prefix)];
    needs(Rule::NoticesCarryNoTokens, program(Warm, roles, NONE));
}

#[test]
fn a_copy_depends_on_what_was_noted_before_redis_was_asked() {
    needs(Rule::CopiesNoteFirst, program(Stored, &[Call(1), Invalidate(0, Name)], NONE));
}

#[test]
fn what_was_missed_in_an_interruption_counts_no_more() {
    let mishaps = Mishaps { interruptions: 1, ..NONE };
    needs(Rule::NewEpochAfterInterruption, program(Warm, &[Invalidate(0, Name)], mishaps));
}

#[test]
fn the_epoch_begins_when_nothing_is_missed_any_more() {
    let mishaps = Mishaps { interruptions: 1, ..NONE };
    needs(Rule::EpochAfterSubscription, program(Stored, &[Call(1), Invalidate(0, Name)], mishaps));
}

#[test]
fn without_the_lease_a_notice_may_be_late_for_ever() {
    let mishaps = Mishaps { lapses: 1, ..NONE };
    needs(Rule::LeaseCounts, program(Warm, &[Invalidate(0, Name)], mishaps));
}

#[test]
fn what_a_read_has_gone_past_is_not_served_in_the_outage_that_follows() {
    let mishaps = Mishaps { lapses: 1, cuts: 1, ..NONE };
    needs(Rule::BypassEndsMemory, program(Warm, &[Call(1), Put(0, Before)], mishaps));
    let mishaps = Mishaps { interruptions: 1, cuts: 1, ..NONE };
    needs(Rule::BypassEndsMemory, program(Warm, &[Call(1), Put(0, Within)], mishaps));
}

#[test]
fn an_unconfirmed_removal_is_pending() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    needs(Rule::UnconfirmedIsPending, program(Stored, &[Invalidate(0, Name)], mishaps));
}

#[test]
fn a_removal_is_pending_before_the_generations_are_raised() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    needs(Rule::PendingFirst, program(Stored, &[Call(0), Invalidate(0, Name)], mishaps));
}

#[test]
fn a_key_with_a_pending_removal_is_not_read() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    needs(Rule::PendingKeysAreNotRead, program(Stored, &[Invalidate(0, Name)], mishaps));
    needs(Rule::PendingKeysAreNotRead, program(TokensCached, &[Invalidate(0, Prefix)], mishaps));
}

#[test]
fn neither_a_name_nor_a_token_with_a_pending_removal_is_read() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    needs(Rule::PendingNamesAreNotRead, program(Stored, &[Invalidate(0, Name)], mishaps));
    needs(Rule::PendingTagsAreNotRead, program(Stored, &[Invalidate(0, Prefix)], mishaps));
    let roles = &[Call(0), Invalidate(0, PrefixAndOwn)];
    needs(Rule::PendingTagsAreNotRead, program(TokensCached, roles, mishaps).on(TokensApart));
}

#[test]
fn a_pending_removal_that_is_sent_is_published() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    needs(Rule::ReplaysPublish, program(Warm, &[Invalidate(0, Name)], mishaps));
}

#[test]
fn a_server_with_older_data_loses_its_root() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    needs(Rule::NewServerLosesRoot, program(Stored, &[Invalidate(0, Name)], mishaps));
}

#[test]
fn cached_tokens_of_another_server_are_dropped() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    needs(Rule::NewEpochAfterOutage, program(Warm, &[Invalidate(0, Name)], mishaps));
}

#[test]
fn a_clear_removes_placeholders() {
    needs(Rule::ClearTakesPlaceholders, program(Cold, &[Call(1), Clear(0)], NONE));
}

#[test]
fn whoever_clears_stops_its_loads_once_more() {
    needs(Rule::ClearStopsLoadsAfterwards, program(Stored, &[Call(0), Clear(0)], NONE));
}

#[test]
fn whoever_clears_looks_for_copies_when_redis_is_clear() {
    needs(Rule::ClearLooksAfterwards, program(Stored, &[Call(0), Clear(0)], NONE));
}

#[test]
fn a_process_that_receives_a_clear_stops_its_loads() {
    needs(Rule::ReceiversStopLoads, program(Stored, &[Call(1), Clear(0)], NONE));
}

#[test]
fn a_clearing_between_a_look_and_an_insertion_is_seen_for_a_moment() {
    needs(Rule::InsertsAtOnce, program(Stored, &[Call(0), Clear(0)], NONE));
}

#[test]
fn a_load_that_began_before_a_put_does_not_store_in_memory() {
    needs(Rule::PutsStopLoads, program(Stored, &[Call(0), Put(0, Before)], NONE));
    needs(Rule::PutsStopLoads, program(Stored, &[Call(0), Put(0, Within)], NONE));
}

#[test]
fn a_put_between_a_look_and_an_insertion_is_lost() {
    needs(Rule::InsertsAtOnce, program(Stored, &[Call(0), Put(0, Before)], NONE));
}

#[test]
fn an_unguarded_put_lands_on_top_of_an_invalidation() {
    needs(Rule::PutsCompare, program(Cold, &[Put(0, Within), Invalidate(1, Name)], NONE));
    needs(Rule::PutsCompare, program(Cold, &[Put(0, Before), Invalidate(1, Name)], NONE));
}

#[test]
fn a_put_is_published() {
    needs(Rule::PutsPublish, program(Warm, &[Put(0, Before)], NONE));
}

#[test]
fn a_put_that_is_overtaken_removes_what_came_between() {
    let roles = &[Call(1), Put(0, Within), Invalidate(1, Name)];
    needs(Rule::OvertakenPutsRemove, program(Cold, roles, NONE));
}

#[test]
fn a_direct_put_whose_placeholder_is_evicted_is_still_published() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    needs(Rule::OvertakenPutsRemove, program(Warm, &[Put(0, Before)], mishaps));
}

#[test]
fn a_direct_put_that_is_overtaken_by_one_that_never_ends_is_told_all_the_same() {
    let roles = &[Put(0, Before), Put(1, Before)];
    needs(Rule::OvertakenPutsRemove, program(Warm, roles, NONE));
}

#[test]
fn a_put_into_memory_depends_on_what_was_noted_before_it_began() {
    let roles = &[Put(0, Before), Invalidate(1, Name)];
    needs(Rule::PutsNoteFirst, program(Cold, roles, NONE));
}

#[test]
fn a_put_that_redis_has_not_confirmed_depends_on_what_was_noted_before_it_began() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    let roles = &[Put(0, Before), Invalidate(1, Name)];
    needs(Rule::UnconfirmedPutsNoteFirst, program(Cold, roles, mishaps));
}

#[test]
fn in_a_cluster_too_the_tokens_are_noted_before_the_body() {
    let program = program(Cold, &[Call(0), Invalidate(1, Prefix)], NONE).on(TokensApart);
    needs(Rule::TokensNotedFirst, program);
}

#[test]
fn in_a_cluster_too_absent_never_equals_absent() {
    let program = program(Cold, &[Call(0), Invalidate(1, Name)], NONE).on(TokensApart);
    needs(Rule::AbsentEqualsNothing, program);
}

#[test]
fn a_server_is_not_known_before_what_it_holds_is_stale() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    let program = program(Stored, &[Invalidate(0, Name)], mishaps);
    needs(Rule::RootGoesFirst, program);
    for servers in [TokensApart, PrefixApart, RootApart] {
        needs(Rule::RootGoesFirst, program.on(servers));
    }
}

#[test]
fn a_node_with_older_data_loses_the_root_wherever_that_is() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    for servers in [TokensApart, PrefixApart, RootApart] {
        let name = program(Stored, &[Invalidate(0, Name)], mishaps);
        needs(Rule::NewServerLosesRoot, name.on(servers));
        let prefix = program(Stored, &[Invalidate(0, Prefix)], mishaps);
        needs(Rule::NewServerLosesRoot, prefix.on(servers));
    }
}

#[test]
fn cached_tokens_of_another_node_are_dropped() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    let program = program(Warm, &[Invalidate(0, Name)], mishaps);
    needs(Rule::NewEpochAfterOutage, program.on(TokensApart));
}

#[test]
fn notices_of_a_node_without_a_subscription_are_not_received() {
    let mishaps = Mishaps { lapses: 1, ..NONE };
    let program = program(Warm, &[Invalidate(0, Prefix)], mishaps);
    needs(Rule::FeedSubscribesToAll, program.on(TokensApart));
}

#[test]
fn one_node_does_not_answer_for_the_other() {
    let mishaps = Mishaps { lapses: 1, ..NONE };
    let program = program(Warm, &[Invalidate(0, Prefix)], mishaps);
    needs(Rule::LeaseNeedsAll, program.on(TokensApart));
}

#[test]
fn a_notice_from_another_node_may_be_ahead_of_its_removal() {
    let program = program(Stored, &[Call(1), Invalidate(0, Prefix)], NONE);
    needs(Rule::NoticeFromItsNode, program.on(TokensApart));
}

#[test]
fn an_invalidation_returns_when_all_nodes_have_confirmed_it() {
    let program = program(Stored, &[Invalidate(0, PrefixAndOwn)], NONE);
    needs(Rule::AllAreConfirmed, program.on(TokensApart));
}

#[test]
fn an_entry_beside_anothers_notes_the_token_of_the_name() {
    let program = program(Stored, &[Other(1), Invalidate(0, Name)], NONE);
    needs(Rule::EntriesBesideNoteTheName, program);
    needs(Rule::EntriesBesideNoteTheName, program.on(TokensApart));
}

#[test]
fn whoever_removes_a_name_removes_its_token() {
    let program = program(Stored, &[Other(1), Invalidate(0, Name)], NONE);
    needs(Rule::RemovalsTakeTheNameToken, program);
    needs(Rule::RemovalsTakeTheNameToken, program.on(TokensApart));
}

#[test]
fn a_put_removes_the_token_of_its_name() {
    let program = program(Stored, &[Other(1), Put(0, Within)], NONE);
    needs(Rule::PutsTakeTheNameToken, program);
    needs(Rule::PutsTakeTheNameToken, program.on(TokensApart));
}

#[test]
fn clearing_takes_along_what_is_beside_a_name_that_is_gone() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    needs(Rule::ClearTakesWhatIsBeside, program(Stored, &[Other(1), Clear(0)], mishaps));
}

#[test]
fn an_entry_beside_anothers_notes_its_tokens_before_the_body() {
    needs(Rule::TokensNotedFirst, program(Stored, &[Other(1), Invalidate(0, Name)], NONE));
}

#[test]
fn a_forked_process_does_not_skip_its_parents_notices() {
    let mishaps = Mishaps { forks: 1, ..NONE };
    let program = program(Stored, &[Call(1), Invalidate(0, Name)], mishaps);
    needs(Rule::ForksHaveTheirOwnNumber, program);
    needs(Rule::ForksHaveTheirOwnNumber, program.on(TokensApart));
}

#[test]
fn a_forked_process_does_not_read_its_parents_connection() {
    let mishaps = Mishaps { forks: 1, lapses: 1, ..NONE };
    needs(Rule::ForksHaveTheirOwnFeed, program(Warm, &[Invalidate(0, Name)], mishaps));
}

/// The limit of identifying servers: if a server is identified, replaced, and returns with its own old
/// data, this is not detected.
#[test]
fn a_server_that_was_met_and_comes_back_with_older_data_is_not_noticed() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    needs(Rule::ServersComeBackNew, program(Stored, &[Invalidate(0, Name)], mishaps));
}

/// Checks that the protocol is correct even without the rule.
pub fn can_do_without(rule: Rule, program: Program, floor: usize) {
    match explore(&Model { program, off: Some(rule) }) {
        Ok(states) => assert!(states >= floor, "{states} states only"),
        Err(violation) => panic!("without {rule:?}:\n{}", violation.story),
    }
}

/// Every read compares the tokens again. (Without a token cache, it is the fill that decides whether
/// waiting callers may have the value.)
#[test]
fn a_fill_with_outdated_tokens_is_of_no_use_and_does_no_harm() {
    let roles = &[Call(0), Call(1), Invalidate(0, Prefix)];
    can_do_without(Rule::FillsCompareTokens, program(TokensCached, roles, NONE), 1_000);
    let roles = &[Direct(1), Call(0), Invalidate(0, Prefix)];
    can_do_without(Rule::FillsCompareTokens, program(Stored, roles, NONE).on(TokensApart), 1_000);
}

/// No notice arrives until it has a feed, so its lease ends; and Redis is used in a new epoch.
#[test]
fn a_forked_process_may_begin_its_epoch_when_redis_is_used() {
    let mishaps = Mishaps { forks: 1, lapses: 1, ..NONE };
    let roles = &[Call(1), Invalidate(0, Prefix)];
    can_do_without(Rule::ForksBeginAnEpoch, program(Warm, roles, mishaps), 1_000);
    let mishaps = Mishaps { forks: 1, silences: 1, ..NONE };
    let roles = &[Call(0), Call(1), Invalidate(0, Name)];
    can_do_without(Rule::ForksBeginAnEpoch, program(Stored, roles, mishaps), 1_000);
}

/// A tag that only the entry names can be noted no sooner.
#[test]
fn tags_may_be_noted_once_the_entry_is_there_if_their_tokens_are_compared_later() {
    let mishaps = Mishaps { evictions: 1, doubles: 1, ..NONE };
    let roles = &[Call(0), Call(1), Invalidate(0, Prefix)];
    can_do_without(Rule::TagsNotedBeforeGet, program(TokensCached, roles, mishaps), 30_000);
    let mishaps = Mishaps { interruptions: 1, lapses: 1, ..NONE };
    let roles = &[Call(1), Invalidate(0, Prefix)];
    can_do_without(Rule::TagsNotedBeforeGet, program(TokensCached, roles, mishaps), 1_000);
}
