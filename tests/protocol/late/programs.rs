//! Programs with late puts, and the rules that they need.

use crate::programs::{NONE, hold, program};
use crate::redis::What::{Everything, Name, Prefix};
use crate::rules::Known::{Before, Late, Within};
use crate::rules::Role::{Call, Clear, Direct, Invalidate, Other, Put};
use crate::rules::Servers::{CounterApart, PrefixApart, RootApart, TokensApart};
use crate::rules::Start::{Cold, Stored, Warm};
use crate::rules::{Program, Role, Rule, Start, Tag};
use crate::state::Mishaps;
use crate::switches::needs;

fn late(start: Start, roles: &'static [Role], mishaps: Mishaps) -> Program {
    program(start, roles, mishaps).with(Tag::Derived)
}

#[test]
fn a_late_put_and_an_invalidation() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    for what in [&[Put(0, Late), Invalidate(0, Name)], &[Put(0, Late), Invalidate(1, Name)]] {
        hold(late(Cold, what, mishaps), 1_000);
        hold(late(Stored, what, mishaps), 1_500);
    }
    for what in [&[Put(0, Late), Invalidate(0, Prefix)], &[Put(0, Late), Invalidate(1, Prefix)]] {
        hold(late(Cold, what, mishaps), 1_500);
        hold(late(Warm, what, mishaps), 2_000);
    }
}

#[test]
fn a_late_put_and_an_invalidation_of_everything() {
    hold(late(Cold, &[Put(0, Late), Invalidate(0, Everything)], NONE), 100);
    hold(late(Warm, &[Put(0, Late), Invalidate(1, Everything)], NONE), 100);
    hold(late(Stored, &[Put(0, Late), Invalidate(1, Everything)], NONE).on(RootApart), 100);
}

#[test]
fn two_late_puts() {
    hold(late(Cold, &[Put(0, Late), Put(0, Late)], NONE), 1_500);
    hold(late(Warm, &[Put(0, Late), Put(1, Late)], NONE), 500);
    hold(late(Stored, &[Call(1), Put(0, Late), Put(1, Late)], NONE), 20_000);
}

#[test]
fn a_late_put_and_another_one() {
    hold(late(Cold, &[Put(0, Late), Put(0, Within)], NONE), 2_000);
    hold(late(Stored, &[Put(0, Late), Put(1, Within)], NONE), 400);
    hold(late(Cold, &[Put(0, Late), Put(0, Before)], NONE), 2_000);
    hold(late(Warm, &[Put(0, Late), Put(1, Before)], NONE), 400);
}

#[test]
fn a_late_put_and_a_load() {
    hold(late(Cold, &[Call(0), Put(0, Late), Invalidate(1, Name)], NONE), 30_000);
    hold(late(Stored, &[Call(1), Put(0, Late), Invalidate(1, Prefix)], NONE), 20_000);
    hold(late(Stored, &[Other(1), Put(0, Late), Invalidate(0, Name)], NONE), 1_000);
    hold(late(Cold, &[Direct(1), Put(0, Late), Invalidate(0, Name)], NONE), 50_000);
}

#[test]
fn a_late_put_and_a_clearing() {
    hold(late(Cold, &[Put(0, Late), Clear(0)], NONE), 700);
    hold(late(Cold, &[Put(0, Late), Clear(1)], NONE), 600);
    hold(late(Warm, &[Call(1), Put(0, Late), Clear(1)], NONE), 5_000);
}

#[test]
fn a_late_put_and_faults() {
    let mishaps = Mishaps { interruptions: 1, doubles: 1, lapses: 1, ..NONE };
    hold(late(Stored, &[Put(0, Late), Invalidate(1, Name)], mishaps), 10_000);
    let mishaps = Mishaps { silences: 1, cuts: 1, ..NONE };
    hold(late(Cold, &[Put(0, Late), Invalidate(1, Name)], mishaps), 10_000);
    hold(late(Warm, &[Put(0, Late), Invalidate(0, Name)], mishaps), 10_000);
    hold(late(Stored, &[Put(0, Late), Put(1, Late)], mishaps), 10_000);
}

#[test]
fn a_late_put_and_a_server_that_comes_back_with_older_data() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    hold(late(Stored, &[Put(0, Late), Invalidate(1, Prefix)], mishaps), 100_000);
}

#[test]
fn a_late_put_in_a_cluster() {
    for servers in [TokensApart, PrefixApart, RootApart, CounterApart] {
        hold(late(Cold, &[Put(0, Late), Invalidate(1, Name)], NONE).on(servers), 100);
        hold(late(Stored, &[Put(0, Late), Invalidate(1, Prefix)], NONE).on(servers), 100);
    }
    hold(late(Stored, &[Put(0, Late), Put(1, Late)], NONE).on(TokensApart), 100);
    hold(late(Cold, &[Put(0, Late), Clear(1)], NONE).on(RootApart), 100);
}

#[test]
fn a_late_put_waits_for_the_notices_of_others() {
    needs(Rule::LatePutsAwaitNotices, late(Cold, &[Put(0, Late), Invalidate(1, Name)], NONE));
    needs(Rule::LatePutsAwaitNotices, late(Cold, &[Put(0, Late), Put(1, Late)], NONE));
    let program = late(Cold, &[Put(0, Late), Invalidate(1, Name)], NONE);
    needs(Rule::LatePutsAwaitNotices, program.on(TokensApart));
}

#[test]
fn its_placeholder_stops_what_it_is_not_told_of() {
    needs(Rule::LatePlaceholdersFirst, late(Cold, &[Put(0, Late), Invalidate(1, Name)], NONE));
}

#[test]
fn it_notes_the_state_of_its_process_before_its_body() {
    needs(Rule::LatePutsNoteFirst, late(Cold, &[Put(0, Late), Invalidate(1, Name)], NONE));
    needs(Rule::LatePutsNoteFirst, late(Cold, &[Put(0, Late), Put(0, Late)], NONE));
}

#[test]
fn notices_that_were_lost_may_have_named_its_entry() {
    let mishaps = Mishaps { interruptions: 1, ..NONE };
    needs(Rule::LatePutsCompareEpochs, late(Cold, &[Put(0, Late), Invalidate(1, Name)], mishaps));
}

#[test]
fn it_notes_the_root_before_its_body() {
    let program = late(Cold, &[Put(0, Late), Invalidate(0, Everything)], NONE);
    needs(Rule::LateRootNotedFirst, program);
    needs(Rule::LateRootNotedFirst, program.on(RootApart));
}

#[test]
fn a_writer_marks_its_name_before_it_changes_redis() {
    needs(Rule::WritersMarkFirst, late(Cold, &[Put(0, Late), Invalidate(0, Name)], NONE));
    needs(Rule::WritersMarkFirst, late(Cold, &[Put(0, Late), Put(0, Late)], NONE));
    needs(Rule::WritersMarkFirst, late(Cold, &[Put(0, Late), Put(0, Before)], NONE));
}

#[test]
fn a_clear_announces_its_pattern() {
    needs(Rule::ClearsAnnounceFirst, late(Cold, &[Put(0, Late), Clear(1)], NONE));
}

#[test]
fn its_tags_are_fenced_like_derived_ones() {
    let program = late(Cold, &[Put(0, Late), Invalidate(1, Prefix)], NONE);
    needs(Rule::DerivedTagsAreFenced, program);
    needs(Rule::CounterNotedFirst, program.on(PrefixApart));
}

#[test]
fn a_late_put_that_is_refused_removes_what_is_there() {
    let roles = &[Put(0, Late), Invalidate(1, Prefix)];
    needs(Rule::OvertakenPutsRemove, late(Warm, roles, NONE));
}

#[test]
#[ignore = "takes minutes, and gigabytes: with optimisation only"]
fn late_puts_at_length() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    for roles in [&[Put(0, Late), Invalidate(1, Name)], &[Put(0, Late), Invalidate(0, Name)]] {
        hold(late(Cold, roles, mishaps), 400_000);
        for servers in [TokensApart, RootApart, CounterApart] {
            hold(late(Stored, roles, mishaps).on(servers), 100_000);
        }
    }
    hold(late(Cold, &[Put(0, Late), Put(1, Late)], mishaps), 100_000);
    let mishaps = Mishaps { evictions: 1, silences: 1, interruptions: 1, ..NONE };
    hold(late(Stored, &[Call(1), Put(0, Late), Invalidate(1, Name)], mishaps), 1_000_000);
    hold(late(Cold, &[Put(0, Late), Put(0, Late), Put(1, Late)], NONE), 20_000);
    hold(late(Cold, &[Put(0, Late), Put(1, Late), Invalidate(1, Name)], NONE), 10_000);
    hold(late(Cold, &[Call(0), Put(0, Late), Put(1, Within), Clear(1)], NONE), 100_000);
}
