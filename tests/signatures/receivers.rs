//! Functions and methods, of types and of traits: whatever `self` is.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use cache_runtime::cached;

use crate::check::{load, shapes};

shapes! {
    a_function: double(2).await => 4, double(3).await => 6;
    an_associated_function: Shop::tax(2).await => 20, Shop::tax(3).await => 30;
    self_by_reference: ONE.price(2).await => 102, TWO.price(2).await => 202;
    self_by_reference_left_out: ONE.stock(2).await => 3, TWO.stock(3).await => 5;
    self_by_unique_reference: Shop(1).sell(2).await => 4, Shop(2).sell(2).await => 5;
    self_by_value: Shop(1).close().await => 1, Shop(2).close().await => 2;
    self_by_value_and_mut: Shop(1).reopen().await => 2, Shop(2).reopen().await => 3;
    self_in_an_arc: Arc::new(Shop(1)).visit(2).await => 102, Arc::new(Shop(2)).visit(2).await => 202;
    self_in_a_box: Box::new(Shop(1)).ship(2).await => 102, Box::new(Shop(1)).ship(3).await => 103;
    self_in_a_mut_box: Box::new(Shop(1)).reship(2).await => 3, Box::new(Shop(2)).reship(2).await => 4;
    self_in_an_rc: Rc::new(Shop(1)).walk(2).await => 102, Rc::new(Shop(1)).walk(3).await => 103;
    self_in_an_arc_by_reference: Arc::new(ONE).tour(2).await => 102, Arc::new(ONE).tour(3).await => 103;
    self_pinned: Pin::new(&mut Shop(1)).pinned(2).await => 102, Pin::new(&mut Shop(1)).pinned(3).await => 103;
    self_by_its_full_type: ONE.spelled_out(2).await => 102, TWO.spelled_out(2).await => 202;
    self_in_a_template: ONE.label().await => "shop 1", TWO.label().await => "shop 2";
    a_method_of_a_generic_type: Holder(1_u8).held().await => "1", Holder('a').held().await => "a";
    a_trait_with_async_fn: Native::native(&ONE, 2).await => 102, Native::native(&TWO, 2).await => 202;
    a_trait_with_impl_future: ONE.desugared(2).await => 102, ONE.desugared(3).await => 103;
    a_default_of_a_trait: ONE.in_any_shop(2).await => 102, TWO.in_any_shop(2).await => 202;
    a_default_per_implementor: ONE.kind_of().await => "shop", Kiosk.kind_of().await => "kiosk";
    a_default_without_self: Shop::name_of(1).await => "shop 1", Kiosk::name_of(1).await => "kiosk 1";
    a_trait_for_a_foreign_type: 7_u64.squared().await => 49, 8_u64.squared().await => 64;
    a_blanket_trait: "a".shouted().await => "A!", 'b'.shouted().await => "B!";
    a_generic_trait: Get::<u8>::get(&ONE).await => 1, Get::<u64>::get(&ONE).await => 1;
    a_method_of_a_trait_object: numbered(&ONE).plus(2).await => 3, numbered(&TWO).plus(2).await => 4;
}

#[cached]
async fn double(n: u64) -> u64 {
    load(n * 2)
}

#[derive(Debug)]
struct Shop(u64);

#[derive(Debug)]
struct Kiosk;

const ONE: Shop = Shop(1);
const TWO: Shop = Shop(2);

impl Shop {
    #[cached]
    async fn tax(n: u64) -> u64 {
        load(n * 10)
    }

    #[cached(key = (self.0, n))]
    async fn price(&self, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }

    #[cached(skip(self))]
    async fn stock(&self, n: u64) -> u64 {
        load(self.0 + n)
    }

    #[cached(key = (self.0, n))]
    async fn sell(&mut self, n: u64) -> u64 {
        self.0 += 1;
        load(self.0 + n)
    }

    #[cached(key = self.0)]
    async fn close(self) -> u64 {
        load(self.0)
    }

    #[cached(key = self.0)]
    async fn reopen(mut self) -> u64 {
        self.0 += 1;
        load(self.0)
    }

    #[cached(key = (self.0, n))]
    async fn visit(self: Arc<Self>, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }

    #[cached(skip(self))]
    async fn ship(self: Box<Self>, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }

    #[cached(key = (self.0, n))]
    async fn reship(mut self: Box<Self>, n: u64) -> u64 {
        self.0 += n;
        load(self.0)
    }

    #[cached(skip(self))]
    async fn walk(self: Rc<Self>, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }

    #[cached(skip(self))]
    async fn tour(self: &Arc<Self>, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }

    #[cached(skip(self))]
    async fn pinned(self: Pin<&mut Self>, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }

    #[cached(key = "{self.0}:{n}")]
    async fn spelled_out(self: &Shop, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }

    #[cached(key = "{self.0}")]
    async fn label(&self) -> String {
        load(format!("shop {}", self.0))
    }
}

struct Holder<T>(T);

impl<T: ToString> Holder<T> {
    #[cached(skip(self))]
    async fn held(&self) -> String {
        load(self.0.to_string())
    }
}

#[allow(async_fn_in_trait, reason = "it is the shape under test")]
trait Native {
    const NAME: &'static str;

    fn id(&self) -> u64;

    async fn native(&self, n: u64) -> u64;

    fn desugared(&self, n: u64) -> impl Future<Output = u64> + Send;

    #[cached(key = (self.id(), n))]
    async fn in_any_shop(&self, n: u64) -> u64 {
        load(self.id() * 100 + n)
    }

    #[cached(skip(self))]
    async fn kind_of(&self) -> String {
        load(Self::NAME.to_owned())
    }

    #[cached]
    async fn name_of(n: u64) -> String {
        load(format!("{} {n}", Self::NAME))
    }
}

impl Native for Shop {
    const NAME: &'static str = "shop";

    fn id(&self) -> u64 {
        self.0
    }

    #[cached(key = (self.0, n))]
    async fn native(&self, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }

    #[cached(skip(self))]
    async fn desugared(&self, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }
}

impl Native for Kiosk {
    const NAME: &'static str = "kiosk";

    fn id(&self) -> u64 {
        0
    }

    async fn native(&self, n: u64) -> u64 {
        n
    }

    async fn desugared(&self, n: u64) -> u64 {
        n
    }
}

#[allow(async_fn_in_trait, reason = "it is the shape under test")]
trait Squared {
    async fn squared(self) -> u64;
}

impl Squared for u64 {
    #[cached(key = self)]
    async fn squared(self) -> u64 {
        load(self * self)
    }
}

#[allow(async_fn_in_trait, reason = "it is the shape under test")]
trait Shouted {
    async fn shouted(&self) -> String;
}

impl<T: ToString + ?Sized> Shouted for T {
    #[cached(key = self.to_string())]
    async fn shouted(&self) -> String {
        load(self.to_string().to_uppercase() + "!")
    }
}

#[allow(async_fn_in_trait, reason = "it is the shape under test")]
trait Get<T> {
    async fn get(&self) -> T;
}

impl Get<u8> for Shop {
    #[cached(skip(self))]
    async fn get(&self) -> u8 {
        load(1)
    }
}

impl Get<u64> for Shop {
    #[cached(skip(self))]
    async fn get(&self) -> u64 {
        load(1)
    }
}

trait Numbered {
    fn number(&self) -> u64;
}

impl Numbered for Shop {
    fn number(&self) -> u64 {
        self.0
    }
}

impl dyn Numbered {
    #[cached(key = (self.number(), n))]
    async fn plus(&self, n: u64) -> u64 {
        load(self.number() + n)
    }
}

fn numbered(shop: &'static Shop) -> &'static dyn Numbered {
    shop
}
