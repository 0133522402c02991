//! Types with every attribute of serde that changes what is written or read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use serde::de::{self, Visitor};
use serde::ser::{SerializeSeq as _, SerializeStruct as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::dice::Dice;

/// A type whose random values can be made.
pub(super) trait Made {
    fn make(dice: &mut Dice) -> Self;
}

/// A type with the usual derives, and the way in which its values are made.
macro_rules! species {
    ($($(#[$attribute:meta])* $kind:ident $name:ident $body:tt $(;$semicolon:tt)? by $dice:ident => $make:expr;)*) => {$(
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        $(#[$attribute])*
        pub(super) $kind $name $body

        impl Made for $name {
            fn make($dice: &mut Dice) -> Self {
                $make
            }
        }
    )*};
}

species! {
    struct Plain { id: u64, name: String, score: f64, flag: bool, small: i8 }
        by dice => Plain {
            id: dice.number(),
            name: dice.text(),
            score: dice.float(),
            flag: dice.flip(),
            small: dice.small() as i8,
        };

    struct Skipped { #[serde(skip)] secret: String, n: u8 }
        by dice => Skipped { secret: dice.text(), n: dice.small() };

    struct NotWritten { #[serde(skip_serializing)] secret: String, n: u8 }
        by dice => NotWritten { secret: dice.text(), n: dice.small() };

    struct NotWrittenOption { n: u8, #[serde(skip_serializing)] secret: Option<u8> }
        by dice => NotWrittenOption { n: dice.small(), secret: dice.maybe(Dice::small) };

    struct NotWrittenDefault { #[serde(skip_serializing, default)] secret: u64, n: u8 }
        by dice => NotWrittenDefault { secret: dice.number(), n: dice.small() };

    struct NotRead { #[serde(skip_deserializing)] count: u64, n: u8 }
        by dice => NotRead { count: dice.number(), n: dice.small() };

    struct Line { #[serde(skip_serializing_if = "Option::is_none")] discount: Option<u32>, quantity: u32 }
        by dice => Line { discount: dice.maybe(|d| d.below(3) as u32), quantity: dice.below(4) as u32 };

    struct Post {
        #[serde(skip_serializing_if = "Option::is_none")]
        subtitle: Option<String>,
        views: u64,
        title: String,
    }
        by dice => Post { subtitle: dice.maybe(Dice::text), views: dice.number(), title: dice.text() };

    struct Sparse {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        list: Vec<u8>,
        n: u16,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    }
        by dice => Sparse { list: dice.some(Dice::small), n: dice.number() as u16, text: dice.text() };

    struct SparseEnd { n: u8, #[serde(default, skip_serializing_if = "Option::is_none")] end: Option<u8> }
        by dice => SparseEnd { n: dice.small(), end: dice.maybe(Dice::small) };

    struct SparseWithoutDefault { #[serde(skip_serializing_if = "is_zero")] n: u8, m: u8 }
        by dice => SparseWithoutDefault { n: dice.small(), m: dice.small() };

    #[serde(default)]
    #[derive(Default)]
    struct Defaults { a: u8, b: Option<String> }
        by dice => Defaults { a: dice.small(), b: dice.maybe(Dice::text) };

    #[serde(rename = "other", rename_all = "SCREAMING-KEBAB-CASE")]
    struct Renamed { first_name: String, #[serde(rename = "x", alias = "y")] last_name: u8 }
        by dice => Renamed { first_name: dice.text(), last_name: dice.small() };

    #[serde(rename_all(deserialize = "camelCase"))]
    struct ReadRenamed {
        first_name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_name: Option<u8>,
    }
        by dice => ReadRenamed { first_name: dice.text(), last_name: dice.maybe(Dice::small) };

    #[serde(rename_all(deserialize = "camelCase"))]
    struct ReadRenamedDefault { #[serde(default)] first_name: String, #[serde(default)] the_id: u8 }
        by dice => ReadRenamedDefault { first_name: dice.text(), the_id: dice.small() };

    struct Swapped {
        #[serde(rename(serialize = "a", deserialize = "b"))]
        x: u8,
        #[serde(rename(serialize = "b", deserialize = "a"))]
        y: u8,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        z: Option<u8>,
    }
        by dice => Swapped { x: dice.small(), y: dice.small(), z: dice.maybe(Dice::small) };

    struct FlatMap { id: u8, #[serde(flatten)] rest: BTreeMap<String, u64> }
        by dice => FlatMap { id: dice.small(), rest: dice.some(|d| (d.text(), d.number())) };

    struct FlatStruct { id: u8, #[serde(flatten)] line: Line, #[serde(flatten)] more: Option<Plain> }
        by dice => FlatStruct {
            id: dice.small(),
            line: Made::make(dice),
            more: dice.maybe(Made::make),
        };

    struct FlatEnum { n: u8, #[serde(flatten)] shape: Internal }
        by dice => FlatEnum { n: dice.small(), shape: Made::make(dice) };

    #[serde(untagged)]
    enum Id { User(u64), Org(u64) }
        by dice => if dice.flip() { Id::User(dice.number()) } else { Id::Org(dice.number()) };

    #[serde(untagged)]
    enum Loose { N(u64), F(f64), S(String), L(Vec<u8>), M { a: u8 }, U, O(Option<u8>) }
        by dice => match dice.below(7) {
            0 => Loose::N(dice.number()),
            1 => Loose::F(dice.float()),
            2 => Loose::S(dice.text()),
            3 => Loose::L(dice.some(Dice::small)),
            4 => Loose::M { a: dice.small() },
            5 => Loose::U,
            _ => Loose::O(dice.maybe(Dice::small)),
        };

    #[serde(tag = "kind")]
    enum Internal { A { x: u8, y: Option<u8> }, B(Line), C }
        by dice => match dice.below(3) {
            0 => Internal::A { x: dice.small(), y: dice.maybe(Dice::small) },
            1 => Internal::B(Made::make(dice)),
            _ => Internal::C,
        };

    #[serde(tag = "t", content = "c")]
    enum Adjacent { A(u8), B { x: Option<()>, y: String }, C, D(Option<Option<u8>>), E(u8, i64) }
        by dice => match dice.below(5) {
            0 => Adjacent::A(dice.small()),
            1 => Adjacent::B { x: dice.maybe(|_| ()), y: dice.text() },
            2 => Adjacent::C,
            3 => Adjacent::D(options(dice)),
            _ => Adjacent::E(dice.small(), dice.number() as i64),
        };

    enum External { A, B(), C {}, D(u8), E(u8, Option<String>), F { a: (), b: Empty }, G(Option<()>) }
        by dice => match dice.below(7) {
            0 => External::A,
            1 => External::B(),
            2 => External::C {},
            3 => External::D(dice.small()),
            4 => External::E(dice.small(), dice.maybe(Dice::text)),
            5 => External::F { a: (), b: Empty {} },
            _ => External::G(dice.maybe(|_| ())),
        };

    enum Hidden { Seen(u8), #[serde(skip)] Unseen(u8), #[serde(rename(serialize = "x"))] Odd(u8) }
        by dice => match dice.below(3) {
            0 => Hidden::Seen(dice.small()),
            1 => Hidden::Unseen(dice.small()),
            _ => Hidden::Odd(dice.small()),
        };

    #[serde(rename_all = "lowercase")]
    enum Catch { First, Second, #[serde(other)] Other }
        by dice => dice.pick(&[Catch::First, Catch::Second, Catch::Other]);

    struct Empty {} by _dice => Empty {};

    struct With { #[serde(with = "millis")] wait: Duration, n: u8 }
        by dice => With { wait: Duration::from_micros(500 * dice.below(9)), n: dice.small() };

    struct Rounded {
        #[serde(serialize_with = "in_tens", deserialize_with = "in_ones")]
        n: u32,
        m: u8,
    }
        by dice => Rounded { n: dice.number() as u32, m: dice.small() };

    struct Dated { #[serde(deserialize_with = "with_slashes")] day: String }
        by dice => Dated { day: dice.pick(&["2026-01-02", "02/01/2026", ""]).to_owned() };

    struct Remote { #[serde(with = "PointDef")] point: Point, n: u8 }
        by dice => Remote { point: Point { x: dice.small(), y: dice.maybe(Dice::small) }, n: dice.small() };

    #[serde(transparent)]
    struct Transparent { inner: Option<Line>, #[serde(skip)] memo: PhantomData<u8> }
        by dice => Transparent { inner: dice.maybe(Made::make), memo: PhantomData };

    #[serde(transparent)]
    struct TransparentMemo { inner: u8, #[serde(skip)] memo: u8 }
        by dice => TransparentMemo { inner: dice.small(), memo: dice.below(2) as u8 };

    #[serde(from = "String", into = "String")]
    struct Text { text: String, length: usize }
        by dice => Text::from(dice.text());

    #[serde(from = "u8", into = "u8")]
    struct Truncated { n: u16 } by dice => Truncated { n: dice.number() as u16 };

    #[serde(try_from = "u8", into = "u8")]
    struct Even { n: u8 } by dice => Even { n: dice.small() };

    struct Options {
        a: Option<Option<u8>>,
        b: Option<()>,
        c: Option<Option<Option<()>>>,
        d: Vec<Option<Option<String>>>,
        e: Option<Marker>,
        f: Result<Option<u8>, ()>,
        g: (Option<(u8,)>, [Option<()>; 2]),
    }
        by dice => Options {
            a: options(dice),
            b: dice.maybe(|_| ()),
            c: dice.maybe(|d| d.maybe(|d| d.maybe(|_| ()))),
            d: dice.some(|d| d.maybe(|d| d.maybe(Dice::text))),
            e: dice.maybe(|_| Marker),
            f: dice.maybe(|d| d.maybe(Dice::small)).ok_or(()),
            g: (dice.maybe(|d| (d.small(),)), [dice.maybe(|_| ()), None]),
        };

    struct Sets {
        a: HashSet<u32>,
        b: HashMap<String, HashSet<u8>>,
        c: BTreeSet<(u8, Option<char>)>,
        d: HashMap<u64, Line>,
    }
        by dice => Sets {
            a: dice.some(|d| d.number() as u32),
            b: dice.some(|d| (d.text(), d.some(Dice::small))),
            c: dice.some(|d| (d.small(), d.maybe(letter))),
            d: dice.some(|d| (d.number(), Made::make(d))),
        };

    struct Numbers { a: i128, b: u128, c: f32, d: char, e: i64, f: (u16, i32), g: [f64; 2] }
        by dice => Numbers {
            a: i128::from(dice.number()) - i128::from(dice.number()) * 1_000,
            b: u128::from(dice.number()) * u128::from(dice.number()),
            c: dice.float() as f32,
            d: letter(dice),
            e: dice.number() as i64,
            f: (dice.number() as u16, dice.number() as i32),
            g: [dice.float(), dice.float()],
        };

    struct Standard {
        a: Box<Line>,
        b: Cow<'static, str>,
        c: SystemTime,
        d: IpAddr,
        e: std::num::NonZeroU8,
        f: Box<[u8]>,
        g: std::ops::Range<u8>,
        h: Duration,
        i: std::cmp::Reverse<u8>,
        j: std::path::PathBuf,
    }
        by dice => Standard {
            a: Box::new(Made::make(dice)),
            b: dice.text().into(),
            c: SystemTime::UNIX_EPOCH + Duration::from_nanos(dice.below(1 << 60)),
            d: if dice.flip() { [1, 2, 3, dice.small()].into() } else { [dice.small(); 16].into() },
            e: std::num::NonZeroU8::MIN.saturating_add(dice.small()),
            f: dice.some(Dice::small),
            g: dice.small()..dice.small(),
            h: Duration::from_nanos(dice.number()),
            i: std::cmp::Reverse(dice.small()),
            j: dice.text().into(),
        };

    struct Tree { value: Value, list: Vec<Value> }
        by dice => Tree { value: tree(dice, 3), list: dice.some(|d| tree(d, 1)) };
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Marker;

/// A type whose `PartialEq` compares only one of its fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entity {
    id: u8,
    #[serde(default, skip_serializing_if = "Option::is_none", rename(deserialize = "label"))]
    name: Option<u8>,
}

impl PartialEq for Entity {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Made for Entity {
    fn make(dice: &mut Dice) -> Self {
        Entity { id: dice.small(), name: dice.maybe(Dice::small) }
    }
}

/// A type that writes a number or a text, and a different number of fields, depending on the value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Handmade {
    n: u64,
    m: Option<u8>,
}

impl Made for Handmade {
    fn make(dice: &mut Dice) -> Self {
        Handmade { n: dice.number(), m: dice.maybe(Dice::small) }
    }
}

impl Serialize for Handmade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Handmade", 2)?;
        if let Some(m) = self.m {
            fields.serialize_field("m", &m)?;
        }
        if self.n.is_multiple_of(2) {
            fields.serialize_field("n", &self.n)?;
        } else {
            fields.serialize_field("n", &self.n.to_string())?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Handmade {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Number {
            Plain(u64),
            Text(String),
        }
        #[derive(Deserialize)]
        struct Read {
            #[serde(default)]
            m: Option<u8>,
            n: Number,
        }
        let Read { m, n } = Read::deserialize(deserializer)?;
        let n = match n {
            Number::Plain(n) => n,
            Number::Text(text) => text.parse().map_err(de::Error::custom)?,
        };
        Ok(Handmade { n, m })
    }
}

/// A list of four numbers, whose second half is not written if both are zero.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tail(Vec<u8>);

impl Made for Tail {
    fn make(dice: &mut Dice) -> Self {
        Tail((0..4).map(|_| dice.below(2) as u8).collect())
    }
}

impl Serialize for Tail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cut = if self.0.ends_with(&[0, 0]) { 2 } else { 4 };
        let mut list = serializer.serialize_seq(Some(4))?;
        self.0[..cut].iter().try_for_each(|n| list.serialize_element(n))?;
        list.end()
    }
}

impl<'de> Deserialize<'de> for Tail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Four;
        impl<'de> Visitor<'de> for Four {
            type Value = Tail;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("up to four numbers")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Tail, A::Error> {
                let mut tail = Vec::new();
                while let Some(n) = list.next_element()? {
                    tail.push(n);
                }
                tail.resize(4, 0);
                Ok(Tail(tail))
            }
        }
        deserializer.deserialize_seq(Four)
    }
}

/// The positions in which a type may occur.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Nest<T> {
    Bare(T),
    List(Vec<T>),
    Maybe(Option<T>),
    Map(BTreeMap<String, T>),
    Tuple(u8, T, String),
    Boxed(Box<T>),
    Named { before: u8, it: T, after: Option<T> },
    Deep(Box<Nest<T>>),
}

impl<T: Made> Made for Nest<T> {
    fn make(dice: &mut Dice) -> Self {
        match dice.below(9) {
            0 => Nest::Bare(T::make(dice)),
            1 | 2 => Nest::List(dice.some(T::make)),
            3 => Nest::Maybe(dice.maybe(T::make)),
            4 => Nest::Map(dice.some(|d| (d.text(), T::make(d)))),
            5 => Nest::Tuple(dice.small(), T::make(dice), dice.text()),
            6 => Nest::Boxed(Box::new(T::make(dice))),
            7 => {
                Nest::Named { before: dice.small(), it: T::make(dice), after: dice.maybe(T::make) }
            }
            _ => Nest::Deep(Box::new(Nest::make(dice))),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    x: u8,
    y: Option<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Point")]
struct PointDef {
    x: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<u8>,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text { length: text.len(), text }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.text
    }
}

impl From<u8> for Truncated {
    fn from(n: u8) -> Self {
        Truncated { n: n.into() }
    }
}

impl From<Truncated> for u8 {
    fn from(truncated: Truncated) -> Self {
        truncated.n as u8
    }
}

impl TryFrom<u8> for Even {
    type Error = &'static str;
    fn try_from(n: u8) -> Result<Self, &'static str> {
        if n.is_multiple_of(2) { Ok(Even { n }) } else { Err("it is odd") }
    }
}

impl From<Even> for u8 {
    fn from(even: Even) -> Self {
        even.n
    }
}

mod millis {
    use super::*;

    pub(super) fn serialize<S: Serializer>(wait: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(wait.as_millis() as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

fn in_tens<S: Serializer>(n: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(n / 10)
}

fn in_ones<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    u32::deserialize(deserializer)
}

fn with_slashes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_date = text.contains('/');
    is_date.then_some(text).ok_or_else(|| de::Error::custom("a date has slashes"))
}

fn is_zero(n: &u8) -> bool {
    *n == 0
}

fn options(dice: &mut Dice) -> Option<Option<u8>> {
    dice.maybe(|dice| dice.maybe(Dice::small))
}

fn letter(dice: &mut Dice) -> char {
    dice.pick(&['a', '\0', 'ß', '\u{10ffff}'])
}

fn tree(dice: &mut Dice, depth: u64) -> Value {
    match dice.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(dice.number()),
        2 => json!(-(dice.below(1 << 40) as i64)),
        3 => json!(dice.text()),
        4 => json!(dice.float()),
        5 => Value::Array(dice.some(|d| tree(d, depth - 1))),
        _ => Value::Object(dice.some(|d| (d.text(), tree(d, depth - 1)))),
    }
}
