//! The inverse of the encoding: bytes that can be decoded to their value have no second meaning.

use std::str;

use super::super::tag;
use super::model::{Content, Data, Fields, NAMES};

pub(super) fn decode(bytes: &[u8]) -> Option<Data> {
    let mut reader = Reader(bytes);
    let data = reader.value()?;
    reader.0.is_empty().then_some(data)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Data> {
        let tag = self.byte()?;
        Some(match tag {
            tag::UNIT => Data::Unit,
            tag::FALSE => Data::Bool(false),
            tag::TRUE => Data::Bool(true),
            tag::UNSIGNED => Data::Unsigned(self.word()?),
            tag::SIGNED => Data::Signed(self.word()? as i64),
            tag::U128 => Data::U128(self.two_words(tag)?),
            tag::I128 => Data::I128(self.two_words(tag)? as i128),
            tag::F32 => Data::F32(f32::from_bits(self.word()? as u32)),
            tag::F64 => Data::F64(f64::from_bits(self.word()?)),
            tag::CHAR => Data::Char(char::from_u32(self.word()? as u32)?),
            tag::STR => Data::Str(self.text()?.into()),
            tag::BYTES => Data::Bytes(self.bytes()?.into()),
            tag::EIGHT => Data::Eight(self.word()?),
            tag::OCTETS => Data::Octets(self.bytes()?.into()),
            tag::NONE => Data::None,
            tag::SOME => Data::Some(Box::new(self.value()?)),
            tag::SEQ => Data::Seq(self.list()?),
            tag::TUPLE => Data::Tuple(self.list()?),
            tag::MAP => Data::Map(self.map()?),
            tag::UNIT_STRUCT => Data::UnitStruct(self.name()?),
            tag::NEWTYPE_STRUCT => Data::NewtypeStruct(self.name()?, Box::new(self.value()?)),
            tag::TUPLE_STRUCT => Data::TupleStruct(self.name()?, self.list()?),
            tag::STRUCT => Data::Struct(self.name()?, self.fields()?),
            _ => return self.variant(tag),
        })
    }

    fn variant(&mut self, tag: u8) -> Option<Data> {
        let name = self.name()?;
        self.expect(tag::INDEX)?;
        let index = self.count()? as u32;
        self.expect(tag::VARIANT)?;
        let variant = self.name()?;
        let content = match tag {
            tag::UNIT_VARIANT => Content::Unit,
            tag::NEWTYPE_VARIANT => Content::Newtype(Box::new(self.value()?)),
            tag::TUPLE_VARIANT => Content::Tuple(self.list()?),
            tag::STRUCT_VARIANT => Content::Struct(self.fields()?),
            _ => return None,
        };
        Some(Data::Variant(name, index, variant, content))
    }

    fn list(&mut self) -> Option<Vec<Data>> {
        let mut list = Vec::new();
        while *self.0.first()? != tag::END {
            list.push(self.value()?);
        }
        self.expect(tag::END)?;
        Some(list)
    }

    fn fields(&mut self) -> Option<Fields> {
        let mut fields = Vec::new();
        while *self.0.first()? != tag::END {
            self.expect(tag::FIELD)?;
            fields.push((self.name()?, self.value()?));
        }
        self.expect(tag::END)?;
        Some(fields)
    }

    fn map(&mut self) -> Option<Vec<(String, Data)>> {
        let mut map: Vec<_> = (0..self.count()?).map(|_| self.entry()).collect::<Option<_>>()?;
        // The encoding sorts by encoded key, the model by text.
        map.sort_by(|a, b| a.0.cmp(&b.0));
        Some(map)
    }

    fn entry(&mut self) -> Option<(String, Data)> {
        self.expect(tag::ENTRY)?;
        let mut inner = Reader(self.bytes()?);
        inner.expect(tag::STR)?;
        let entry = (inner.text()?.into(), inner.value()?);
        inner.0.is_empty().then_some(entry)
    }

    fn expect(&mut self, tag: u8) -> Option<()> {
        (self.byte()? == tag).then_some(())
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn word(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn two_words(&mut self, tag: u8) -> Option<u128> {
        let low = self.word()?;
        self.expect(tag)?;
        Some(u128::from(low) | u128::from(self.word()?) << 64)
    }

    fn count(&mut self) -> Option<u64> {
        match self.byte()? {
            0xFF => self.word(),
            small => Some(small.into()),
        }
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length as usize)
    }

    fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    fn name(&mut self) -> Option<&'static str> {
        let text = self.text()?;
        NAMES.into_iter().find(|name| *name == text)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}
