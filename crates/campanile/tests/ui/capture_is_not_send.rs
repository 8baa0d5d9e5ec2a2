//! A callback that has captured something of one thread.

use std::rc::Rc;

use campanile::Endpoint;

fn main() {
    let name = Rc::new(String::new());
    let _ = Endpoint::new().on_open(move || std::future::ready(name.to_string()));
}
