//! Programs with an outer function, and the rules that they need.

use crate::programs::{NONE, hold, program};
use crate::redis::What::{Name, Prefix};
use crate::rules::Known::{Before, Within};
use crate::rules::Role::{Call, Clear, DirectOuter, Invalidate, Outer, Put};
use crate::rules::Servers::{NameTokenApart, PrefixApart, RootApart, TokensApart};
use crate::rules::Start::{Cold, Stored, TokensCached, Warm};
use crate::rules::{Rule, Tag};
use crate::state::Mishaps;
use crate::switches::{can_do_without, needs};

#[test]
fn outer_calls_and_an_invalidation_with_evictions() {
    let mishaps = Mishaps { evictions: 2, ..NONE };
    hold(program(Stored, &[Outer(0), Invalidate(1, Name)], mishaps), 3_400);
    hold(program(Stored, &[Outer(1), Invalidate(1, Prefix)], mishaps), 3_200);
    hold(program(TokensCached, &[Outer(0), Invalidate(1, Name)], mishaps), 2_400);
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(program(Cold, &[Outer(0), Outer(1), Invalidate(1, Name)], mishaps), 140_000);
    hold(program(TokensCached, &[Outer(0), Outer(1), Invalidate(1, Name)], mishaps), 74_000);
    hold(program(Warm, &[Outer(0), Outer(1), Invalidate(1, Prefix)], mishaps), 13_000);
}

#[test]
fn an_outer_call_and_an_inner_one() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(program(Cold, &[Outer(0), Call(1), Invalidate(1, Name)], mishaps), 35_000);
    hold(program(Stored, &[Outer(0), Call(0), Invalidate(1, Prefix)], mishaps), 54_000);
    hold(program(Stored, &[Outer(0), Call(0), Invalidate(0, Name)], mishaps), 44_000);
    let roles = &[Outer(0), Invalidate(0, Name), Invalidate(1, Prefix)];
    hold(program(Stored, roles, NONE), 2_000);
}

#[test]
fn outer_calls_in_mode_redis() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(program(Cold, &[DirectOuter(0), Invalidate(1, Name)], mishaps), 770);
    hold(program(Stored, &[DirectOuter(0), Call(1), Invalidate(1, Name)], mishaps), 50_000);
    hold(
        program(TokensCached, &[DirectOuter(0), DirectOuter(1), Invalidate(1, Prefix)], NONE),
        11_000,
    );
}

#[test]
fn an_outer_call_and_puts() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(program(Stored, &[Outer(0), Put(1, Within)], mishaps), 2_000);
    hold(program(Warm, &[Outer(0), Put(0, Before)], mishaps), 470);
    hold(program(TokensCached, &[Outer(0), Put(1, Before), Invalidate(0, Name)], NONE), 3_200);
    hold(program(Stored, &[Outer(0), Put(0, Within), Invalidate(1, Prefix)], NONE), 6_600);
    hold(program(Stored, &[Outer(1), Call(0), Put(1, Within)], NONE), 1_500);
}

#[test]
fn an_outer_call_and_a_clearing() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(program(Stored, &[Outer(0), Clear(1)], mishaps), 1_400);
    hold(program(Warm, &[Outer(0), Clear(0)], mishaps), 290);
    hold(program(TokensCached, &[Outer(1), Call(0), Clear(0)], mishaps), 21_000);
    let mishaps = Mishaps { cuts: 1, drops: 1, ..NONE };
    hold(program(Warm, &[Outer(0), Clear(0)], mishaps), 290);
    hold(program(Warm, &[Outer(1), Clear(0)], mishaps), 290);
    hold(program(Warm, &[Outer(1), Clear(0)], mishaps).on(PrefixApart), 290);
}

#[test]
fn an_outer_call_and_removals_that_are_not_confirmed() {
    let mishaps = Mishaps { silences: 1, evictions: 1, ..NONE };
    hold(program(Stored, &[Outer(0), Invalidate(0, Name)], mishaps), 4_900);
    hold(program(TokensCached, &[Outer(1), Invalidate(0, Name)], mishaps), 3_800);
    hold(program(Stored, &[Outer(0), Put(0, Within)], mishaps), 8_600);
    hold(program(Stored, &[DirectOuter(0), Invalidate(0, Prefix)], mishaps), 5_200);
    let mishaps = Mishaps { cuts: 1, silences: 1, ..NONE };
    hold(program(Warm, &[Outer(1), Invalidate(0, Name)], mishaps), 2_000);
    hold(program(Stored, &[Outer(1), Put(1, Within)], mishaps), 3_700);
}

#[test]
fn an_outer_call_and_notices_that_are_lost() {
    let mishaps = Mishaps { interruptions: 1, lapses: 1, doubles: 1, ..NONE };
    hold(program(TokensCached, &[Outer(1), Invalidate(0, Name)], mishaps), 21_000);
    let mishaps = Mishaps { lapses: 1, cuts: 1, ..NONE };
    hold(program(Warm, &[Outer(1), Put(0, Before)], mishaps), 4_300);
    let mishaps = Mishaps { forks: 1, lapses: 1, ..NONE };
    hold(program(Warm, &[Outer(1), Invalidate(0, Name)], mishaps), 4_400);
}

#[test]
fn outer_and_inner_bodies_that_fail() {
    let mishaps = Mishaps { failures: 1, evictions: 1, ..NONE };
    hold(program(Stored, &[Outer(0), Call(1), Invalidate(0, Name)], mishaps), 47_000);
}

#[test]
fn an_outer_call_and_a_server_that_comes_back_with_older_data() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    hold(program(Stored, &[DirectOuter(0), Invalidate(1, Name)], mishaps), 170_000);
    hold(program(TokensCached, &[Outer(0), Invalidate(1, Name)], mishaps), 170_000);
}

#[test]
fn an_outer_call_in_a_cluster() {
    for servers in [NameTokenApart, TokensApart, PrefixApart, RootApart] {
        hold(program(Stored, &[Outer(0), Invalidate(1, Name)], NONE).on(servers), 890);
        hold(program(Cold, &[Outer(0), Invalidate(1, Prefix)], NONE).on(servers), 540);
        hold(program(Stored, &[DirectOuter(0), Invalidate(1, Name)], NONE).on(servers), 1_100);
        hold(program(Stored, &[Outer(0), Put(1, Within)], NONE).on(servers), 2_000);
        hold(program(TokensCached, &[Outer(0), Clear(1)], NONE).on(servers), 200);
    }
    let mishaps = Mishaps { silences: 1, evictions: 1, ..NONE };
    hold(program(Stored, &[Outer(0), Invalidate(0, Name)], mishaps).on(NameTokenApart), 28_000);
    let mishaps = Mishaps { lapses: 1, doubles: 1, ..NONE };
    hold(
        program(TokensCached, &[Outer(1), Invalidate(0, Name)], mishaps).on(NameTokenApart),
        9_400,
    );
}

#[test]
fn an_inner_call_that_derives_a_tag() {
    let roles = &[Outer(0), Call(1), Invalidate(1, Prefix)];
    hold(program(Cold, roles, NONE).with(Tag::Derived), 5_600);
}

#[test]
fn an_outer_call_with_a_tag_of_the_inner_one() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    let program = program(TokensCached, &[Outer(1), Call(0), Invalidate(0, Prefix)], mishaps);
    hold(program.with(Tag::Shared), 24_000);
}

#[test]
#[ignore = "takes minutes, and gigabytes: with optimisation only"]
fn outer_calls_at_length() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    for servers in [NameTokenApart, TokensApart, PrefixApart, RootApart] {
        let roles = &[DirectOuter(0), Invalidate(1, Name)];
        hold(program(TokensCached, roles, mishaps).on(servers), 1_000_000);
        hold(program(Stored, &[Outer(0), Invalidate(1, Prefix)], mishaps).on(servers), 1_000_000);
    }
    hold(program(Stored, &[Outer(0), Outer(1), Call(1), Invalidate(0, Name)], NONE), 300_000);
    let mishaps = Mishaps { evictions: 1, silences: 1, doubles: 1, ..NONE };
    hold(program(Stored, &[Outer(0), Call(1), Invalidate(0, Name)], mishaps), 800_000);
    let roles = &[Outer(0), Call(1), Put(1, Within), Invalidate(0, Name)];
    hold(program(Stored, roles, NONE), 250_000);
    let roles = &[Outer(0), Call(1), Clear(1), Invalidate(0, Prefix)];
    hold(program(Stored, roles, NONE), 400_000);
    let roles = &[Outer(0), Call(1), Put(1, Within)];
    hold(program(Stored, roles, NONE).on(NameTokenApart), 30_000);
}

#[test]
fn the_token_of_an_inner_name_is_noted_before_the_inner_entry_is_read() {
    let roles = &[Outer(0), Invalidate(1, Name)];
    needs(Rule::InnerNameNotedFirst, program(Stored, roles, NONE));
    needs(Rule::InnerNameNotedFirst, program(Stored, roles, NONE).on(TokensApart));
    needs(Rule::InnerNameNotedFirst, program(Stored, &[DirectOuter(0), Invalidate(1, Name)], NONE));
}

#[test]
fn an_outer_entry_records_what_the_inner_one_records() {
    needs(Rule::InnerTokensAsRecorded, program(Stored, &[Outer(0), Invalidate(1, Prefix)], NONE));
}

#[test]
fn a_tag_that_is_recorded_twice_has_one_token() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    let program = program(TokensCached, &[Outer(1), Invalidate(0, Prefix)], mishaps);
    needs(Rule::TagsHaveOneToken, program.with(Tag::Shared));
}

#[test]
fn a_removal_of_an_inner_name_removes_its_token() {
    let invalidation = &[Outer(0), Invalidate(1, Name)];
    needs(Rule::RemovalsTakeTheNameToken, program(Stored, invalidation, NONE));
    needs(Rule::PutsTakeTheNameToken, program(Stored, &[Outer(0), Put(1, Within)], NONE));
}

#[test]
fn a_removal_of_a_name_precedes_that_of_its_token() {
    let invalidation = program(Stored, &[Outer(0), Invalidate(1, Name)], NONE);
    needs(Rule::NamesGoFirst, invalidation.on(NameTokenApart));
    let put = program(Stored, &[Outer(0), Put(1, Within)], NONE);
    needs(Rule::NamesGoFirst, put.on(NameTokenApart));
}

#[test]
fn an_invalidation_of_an_inner_name_returns_when_its_token_is_removed() {
    let program = program(TokensCached, &[Outer(0), Invalidate(0, Name)], NONE);
    needs(Rule::AllAreConfirmed, program.on(NameTokenApart));
}

#[test]
fn a_clearing_removes_the_token_of_outer_entries_after_its_scan() {
    needs(Rule::ClearedGoesLast, program(Stored, &[Outer(0), Clear(1)], NONE));
}

#[test]
fn the_token_of_outer_entries_is_noted_before_the_body() {
    needs(Rule::ClearedNotedFirst, program(Stored, &[Outer(0), Clear(1)], NONE));
}

#[test]
fn the_generation_of_outer_entries_is_raised_after_copies_are_dropped() {
    let mishaps = Mishaps { cuts: 1, drops: 1, ..NONE };
    needs(Rule::ClearedRaisedLast, program(Warm, &[Outer(0), Clear(0)], mishaps));
}

#[test]
fn it_is_raised_again_when_the_pattern_arrives_last() {
    let mishaps = Mishaps { cuts: 1, drops: 1, ..NONE };
    let program = program(Warm, &[Outer(1), Clear(0)], mishaps);
    needs(Rule::ReceiversRaiseCleared, program.on(PrefixApart));
}

#[test]
fn an_inner_call_uses_no_copy() {
    let roles = &[Call(1), Outer(1), Invalidate(0, Prefix)];
    needs(Rule::InnerCallsSkipCopies, program(Stored, roles, NONE));
}

#[test]
fn an_inner_call_that_has_joined_a_load_reads_again() {
    let roles = &[Call(0), Outer(0), Invalidate(1, Prefix)];
    needs(Rule::InnerFollowersReadAgain, program(Cold, roles, NONE));
}

#[test]
fn a_put_raises_the_generation_of_what_depends_on_its_name() {
    needs(Rule::PutsRaiseDependents, program(Warm, &[Outer(0), Put(0, Within)], NONE));
}

#[test]
fn it_does_so_when_its_value_is_in_memory() {
    let mishaps = Mishaps { cuts: 1, ..NONE };
    needs(Rule::ReplacedFirst, program(Warm, &[Outer(0), Put(0, Within)], mishaps));
}

#[test]
fn an_outer_copy_depends_on_what_was_noted_before_the_inner_call() {
    let roles = &[Outer(0), Invalidate(0, Name)];
    needs(Rule::OuterCopiesNoteInnerFirst, program(Stored, roles, NONE));
}

#[test]
fn the_token_of_a_name_with_a_pending_removal_is_not_read() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    let roles = &[Outer(0), Invalidate(0, Name)];
    needs(Rule::PendingTagsAreNotRead, program(TokensCached, roles, mishaps));
}

#[test]
fn a_cached_token_of_a_name_depends_on_the_generation_of_the_name() {
    let mishaps = Mishaps { lapses: 1, ..NONE };
    let roles = &[Outer(1), Invalidate(0, Name)];
    needs(Rule::TokenCacheNotesFirst, program(TokensCached, roles, mishaps));
}

/// Every read compares the tokens again.
#[test]
fn a_fill_with_outdated_inherited_tokens_does_no_harm() {
    let roles = &[Outer(0), Call(1), Invalidate(1, Prefix)];
    can_do_without(Rule::FillsCompareTokens, program(Stored, roles, NONE), 3_000);
    let roles = &[Outer(0), DirectOuter(1), Invalidate(1, Name)];
    can_do_without(Rule::FillsCompareTokens, program(Stored, roles, NONE), 3_000);
}
