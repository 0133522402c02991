//! Programs with a tag that is derived from the value, and the rules that they need.

use crate::programs::{NONE, hold, program};
use crate::redis::Keys;
use crate::redis::What::{Name, Prefix};
use crate::rules::Known::{Before, Within};
use crate::rules::Role::{Call, Clear, Direct, Invalidate, Other, Put};
use crate::rules::Servers::{CounterApart, PrefixApart, RootApart, TokensApart};
use crate::rules::Start::{Cold, Counted, Stored, TokensCached, Warm};
use crate::rules::{Model, Program, Role, Rule, Start, Tag};
use crate::state::{At, Mishaps, World};
use crate::step::Step;
use crate::switches::{can_do_without, needs};

fn derived(start: Start, roles: &'static [Role], mishaps: Mishaps) -> Program {
    program(start, roles, mishaps).with(Tag::Derived)
}

#[test]
fn loads_and_an_invalidation_of_a_derived_tag_with_evictions() {
    let mishaps = Mishaps { evictions: 2, ..NONE };
    hold(derived(Cold, &[Call(0), Invalidate(1, Prefix)], mishaps), 1_800);
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(derived(Cold, &[Call(0), Call(1), Invalidate(1, Prefix)], mishaps), 150_000);
    hold(derived(TokensCached, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps), 20_000);
    hold(derived(Stored, &[Call(0), Call(1), Invalidate(0, Name)], mishaps), 40_000);
    hold(derived(Cold, &[Direct(0), Direct(1), Invalidate(1, Prefix)], mishaps), 40_000);
}

#[test]
fn two_versions_of_which_one_derives_its_tag() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(derived(Stored, &[Call(0), Other(1), Invalidate(1, Prefix)], mishaps), 40_000);
    hold(derived(Cold, &[Call(0), Other(1), Invalidate(0, Prefix)], NONE), 1_000);
}

#[test]
fn two_invalidations_of_a_derived_tag() {
    let roles = &[Call(0), Invalidate(0, Prefix), Invalidate(1, Prefix)];
    hold(derived(Cold, roles, Mishaps { evictions: 1, ..NONE }), 17_000);
}

#[test]
fn a_derived_tag_and_notices_that_are_lost() {
    let mishaps = Mishaps { interruptions: 1, lapses: 1, doubles: 1, ..NONE };
    hold(derived(TokensCached, &[Call(1), Invalidate(0, Prefix)], mishaps), 15_000);
}

#[test]
fn an_invalidation_of_a_derived_tag_that_is_not_confirmed() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    hold(derived(Cold, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps), 20_000);
    let mishaps = Mishaps { cuts: 1, silences: 1, evictions: 1, ..NONE };
    hold(derived(TokensCached, &[Call(0), Invalidate(0, Prefix)], mishaps), 5_000);
    hold(derived(Cold, &[Direct(0), Invalidate(0, Prefix)], mishaps).on(TokensApart), 5_000);
}

#[test]
fn bodies_that_fail_before_they_derive_a_tag() {
    let mishaps = Mishaps { failures: 1, evictions: 1, ..NONE };
    hold(derived(Stored, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps), 60_000);
}

#[test]
fn puts_that_derive_a_tag() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(derived(Stored, &[Put(1, Within), Invalidate(0, Prefix)], mishaps), 1_000);
    hold(derived(Cold, &[Call(0), Put(1, Before), Invalidate(0, Prefix)], mishaps), 50_000);
    hold(derived(Stored, &[Call(1), Put(1, Within), Invalidate(0, Prefix)], NONE), 9_000);
    hold(derived(Warm, &[Call(0), Put(0, Before), Put(1, Within)], NONE), 1_900);
    let mishaps = Mishaps { silences: 1, cuts: 1, ..NONE };
    hold(derived(Stored, &[Put(0, Within), Invalidate(1, Prefix)], mishaps), 1_000);
}

#[test]
fn a_derived_tag_and_a_clearing() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(derived(TokensCached, &[Call(0), Call(1), Clear(0)], mishaps), 20_000);
}

#[test]
fn a_derived_tag_and_a_server_that_comes_back_with_older_data() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    hold(derived(Cold, &[Call(0), Invalidate(1, Prefix)], mishaps), 100_000);
    hold(derived(Counted, &[Call(0), Invalidate(1, Prefix)], mishaps), 1_000);
}

#[test]
fn a_derived_tag_in_a_cluster() {
    let roles = &[Call(0), Call(1), Invalidate(0, Prefix)];
    hold(derived(Cold, roles, NONE).on(TokensApart), 80_000);
    hold(derived(TokensCached, roles, NONE).on(PrefixApart), 10_000);
    hold(derived(TokensCached, roles, NONE).on(CounterApart), 10_000);
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(derived(Stored, &[Call(0), Invalidate(1, Prefix)], mishaps).on(RootApart), 2_000);
    hold(derived(Stored, &[Direct(0), Invalidate(1, Prefix)], mishaps).on(PrefixApart), 2_000);
    hold(derived(Stored, &[Put(1, Within), Invalidate(0, Prefix)], mishaps).on(TokensApart), 2_000);
    let mishaps = Mishaps { cuts: 1, silences: 1, ..NONE };
    hold(derived(TokensCached, &[Call(0), Invalidate(0, Prefix)], mishaps).on(PrefixApart), 1_000);
    hold(derived(Cold, &[Call(0), Invalidate(0, Prefix)], mishaps).on(CounterApart), 1_000);
}

#[test]
#[ignore = "takes minutes, and gigabytes: with optimisation only"]
fn derived_tags_at_length() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    let roles = &[Call(0), Invalidate(1, Prefix)];
    for servers in [PrefixApart, TokensApart, RootApart, CounterApart] {
        hold(derived(Counted, roles, mishaps).on(servers), 100_000);
        hold(derived(Cold, roles, mishaps).on(servers), 100_000);
        hold(derived(TokensCached, roles, mishaps).on(servers), 100_000);
        hold(derived(Counted, &[Direct(0), Invalidate(1, Prefix)], mishaps).on(servers), 100_000);
        hold(
            derived(Counted, &[Put(0, Within), Invalidate(1, Prefix)], mishaps).on(servers),
            100_000,
        );
    }
    let mishaps = Mishaps { evictions: 2, silences: 1, ..NONE };
    hold(derived(Cold, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps), 100_000);
    let mishaps = Mishaps { evictions: 2, ..NONE };
    hold(derived(Cold, &[Call(0), Call(1), Invalidate(1, Prefix)], mishaps), 680_000);
    let roles = &[Call(0), Call(1), Invalidate(0, Prefix), Invalidate(1, Prefix)];
    hold(derived(Cold, roles, NONE), 590_000);
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(derived(Stored, &[Call(1), Put(1, Within), Invalidate(0, Prefix)], mishaps), 100_000);
    let roles = &[Call(0), Other(1), Put(1, Within), Invalidate(0, Prefix)];
    hold(derived(Stored, roles, NONE), 100_000);
}

#[test]
fn a_derived_tag_is_fenced() {
    needs(Rule::DerivedTagsAreFenced, derived(Cold, &[Call(0), Invalidate(1, Prefix)], NONE));
    needs(
        Rule::DerivedTagsAreFenced,
        derived(Cold, &[Put(0, Within), Invalidate(1, Prefix)], NONE),
    );
}

#[test]
fn the_counter_is_noted_before_the_body() {
    let program = derived(Cold, &[Call(0), Invalidate(1, Prefix)], NONE);
    needs(Rule::CounterNotedFirst, program);
    needs(Rule::CounterNotedFirst, program.on(PrefixApart));
}

#[test]
fn a_token_that_was_made_after_the_counter_was_noted_is_not_recorded() {
    needs(Rule::BirthsAreCompared, derived(Cold, &[Call(0), Call(1), Invalidate(1, Prefix)], NONE));
}

#[test]
fn a_token_that_is_noted_before_a_body_does_not_have_the_birth_of_an_earlier_one() {
    let roles = &[Call(0), Other(1), Invalidate(1, Prefix)];
    needs(Rule::BirthsEndWithTokens, derived(Stored, roles, Mishaps { evictions: 1, ..NONE }));
}

#[test]
fn a_counter_that_is_made_again_is_another_one() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    let roles = &[Call(0), Call(1), Invalidate(1, Prefix)];
    needs(Rule::CountersHaveIdentities, derived(Cold, roles, mishaps));
}

#[test]
fn a_node_that_comes_back_may_have_counted_less() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    let program = derived(Counted, &[Direct(0), Invalidate(1, Prefix)], mishaps);
    needs(Rule::CountersBelongToRuns, program.on(CounterApart));
}

#[test]
fn an_absent_token_is_recorded_only_if_nothing_was_removed() {
    needs(Rule::UnbornTokensNeedTheCounter, derived(Cold, &[Call(0), Invalidate(1, Prefix)], NONE));
}

#[test]
fn a_removal_of_a_token_counts() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    needs(Rule::RemovalsCount, derived(Stored, &[Call(0), Invalidate(1, Prefix)], mishaps));
}

#[test]
fn a_removal_counts_no_later_than_it_takes_place() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    let program = derived(Stored, &[Call(0), Invalidate(1, Prefix)], mishaps);
    needs(Rule::CountedInTime, program.on(TokensApart));
    needs(Rule::CountedInTime, program.on(CounterApart));
}

/// The write precedes both, so a load that notes the counter in between reads the new data.
#[test]
fn a_removal_may_count_in_a_step_before_it() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    let roles = &[Call(0), Invalidate(1, Prefix)];
    hold(derived(Stored, roles, mishaps).on(CounterApart), 1_000);
    hold(derived(Stored, roles, mishaps).on(TokensApart), 1_000);
    let mishaps = Mishaps { silences: 1, ..NONE };
    hold(derived(Cold, roles, mishaps).on(CounterApart), 300);
    let roles = &[Put(0, Within), Invalidate(1, Prefix)];
    hold(derived(Stored, roles, NONE).on(CounterApart), 100);
}

#[test]
fn the_counter_is_read_after_the_token() {
    let program = derived(Cold, &[Call(0), Invalidate(1, Prefix)], NONE);
    needs(Rule::CounterReadLast, program);
    needs(Rule::CounterReadLast, program.on(CounterApart));
}

#[test]
fn a_birth_is_a_counter_that_was_read_after_the_token() {
    let program = derived(Cold, &[Call(0), Call(1), Invalidate(1, Prefix)], NONE);
    needs(Rule::BirthsAreRead, program);
}

#[test]
fn a_birth_does_not_bring_a_removed_token_back() {
    let program = derived(Cold, &[Call(0), Invalidate(1, Prefix)], NONE);
    needs(Rule::StampsCompare, program);
    needs(Rule::StampsCompare, program.on(CounterApart));
}

#[test]
fn the_removal_of_an_absent_token_counts() {
    needs(Rule::AbsentTagsCount, derived(Cold, &[Call(0), Invalidate(1, Prefix)], NONE));
}

#[test]
fn a_copy_depends_on_the_generation_of_its_derived_tag_before_the_body() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    let roles = &[Call(0), Invalidate(0, Prefix), Invalidate(0, Name)];
    needs(Rule::DerivedCopiesNoteFirst, derived(Cold, roles, mishaps));
}

#[test]
fn a_reader_notes_a_derived_tag_before_it_reads_the_token() {
    needs(Rule::CopiesNoteFirst, derived(Stored, &[Call(1), Invalidate(0, Prefix)], NONE));
}

#[test]
fn a_put_whose_tag_is_refused_removes_what_was_there() {
    let roles = &[Put(0, Within), Invalidate(1, Prefix)];
    needs(Rule::OvertakenPutsRemove, derived(Warm, roles, NONE));
}

/// Every read compares the tokens again.
#[test]
fn a_fill_with_outdated_derived_tokens_does_no_harm() {
    let roles = &[Call(0), Call(1), Invalidate(0, Prefix)];
    can_do_without(Rule::FillsCompareTokens, derived(TokensCached, roles, NONE), 1_000);
}

/// Does what is left of a call, undisturbed.
fn end(world: &mut World, model: &Model, i: usize) {
    while world.actors[i].at != At::Done {
        let keys = model.parts(world.asked(model, i)).next().unwrap();
        world.perform(model, Step::Acts(i, keys)).unwrap();
    }
}

/// Lets the first call run its body.
fn reach_the_tag(world: &mut World, model: &Model) {
    while !matches!(world.actors[0].at, At::NotesTag(_)) {
        let keys = model.parts(world.asked(model, 0)).next().unwrap();
        world.perform(model, Step::Acts(0, keys)).unwrap();
    }
}

/// Returns whether the entry that is stored is the one of this call.
fn has_stored(world: &World, i: usize) -> bool {
    world.redis.held.id() == Some(crate::redis::Id::new(crate::redis::Kind::Entry, i))
}

#[test]
fn after_a_load_that_an_invalidation_kept_from_storing_the_next_one_stores() {
    let program = derived(Cold, &[Call(0), Call(1), Invalidate(1, Prefix)], NONE);
    let model = Model { program, off: None };
    let mut world = World::new(&model);
    reach_the_tag(&mut world, &model);
    end(&mut world, &model, 2);
    end(&mut world, &model, 0);
    assert!(!has_stored(&world, 0));
    end(&mut world, &model, 1);
    assert!(has_stored(&world, 1));
}

#[test]
fn after_a_load_whose_counter_was_evicted_the_next_one_stores() {
    let program = derived(Cold, &[Call(0), Call(1)], Mishaps { evictions: 1, ..NONE });
    let model = Model { program, off: None };
    let mut world = World::new(&model);
    reach_the_tag(&mut world, &model);
    world.perform(&model, Step::Evict(Keys::COUNTER)).unwrap();
    end(&mut world, &model, 0);
    assert!(!has_stored(&world, 0), "the counter is another one");
    end(&mut world, &model, 1);
    assert!(has_stored(&world, 1));
}

#[test]
fn a_token_that_is_older_than_the_counter_is_recorded_if_nothing_was_removed() {
    let program = derived(Stored, &[Call(0)], Mishaps { evictions: 2, ..NONE });
    let model = Model { program, off: None };
    let mut world = World::new(&model);
    world.perform(&model, Step::Evict(Keys::COUNTER)).unwrap();
    world.perform(&model, Step::Evict(Keys::NAME)).unwrap();
    end(&mut world, &model, 0);
    assert!(has_stored(&world, 0));
}
