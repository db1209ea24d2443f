//! What goes out comes back equal, through bytes.

use antiphon_core::{Advert, Control, Epoch, Frame};
use antiphon_proto::{
    ControlIn, Greeting, Sequenced, Statement, StatementBody, control, decode_sequenced, sequenced,
    v1,
};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use crate::arbitrary;

/// Encodes and decodes, as a link would.
fn through_bytes<T: Message + Default>(message: &T) -> T {
    T::decode(Bytes::from(message.encode_to_vec())).unwrap()
}

fn statement_survives(body: StatementBody) {
    let statement = Statement { fabric: "acme".parse().unwrap(), body };
    assert_eq!(Statement::decode(statement.encode()).unwrap(), statement);
}

proptest! {
    #[test]
    fn a_frame_comes_back(
        frame in arbitrary::frame(),
        (epoch, number, weight) in any::<(u64, u64, u64)>(),
    ) {
        let message = through_bytes(&sequenced(Epoch(epoch), number, weight, &frame));
        let verbatim = Some(message.end.clone());
        let expected = Sequenced {
            epoch: Epoch(epoch),
            number,
            weight,
            frame: Ok(Box::new(Frame { verbatim, ..frame })),
        };
        prop_assert_eq!(decode_sequenced(message), expected);
    }

    #[test]
    fn a_control_message_comes_back(message in arbitrary::control()) {
        let back = ControlIn::try_from(through_bytes(&control(&message))).unwrap();
        prop_assert_eq!(back, ControlIn::Message(message));
    }

    #[test]
    fn adverts_come_back_as_sealed(
        draft in arbitrary::draft(),
        sealed in any::<[u8; 32]>(),
        answered in any::<bool>(),
    ) {
        let sealed = Bytes::copy_from_slice(&sealed);
        let adverts = vec![Advert { draft, sealed: sealed.clone() }];
        let message = control(&Control::Adverts { adverts, answered });
        let back = ControlIn::try_from(through_bytes(&message)).unwrap();
        prop_assert_eq!(back, ControlIn::Adverts { sealed: vec![sealed], answered });
    }

    #[test]
    fn a_greeting_comes_back(greeting in arbitrary::greeting()) {
        let message = through_bytes(&v1::Hello::from(&greeting));
        prop_assert_eq!(Greeting::try_from(message).unwrap(), greeting);
    }

    #[test]
    fn an_advert_comes_back(draft in arbitrary::draft()) {
        statement_survives(StatementBody::Advert(draft));
    }

    #[test]
    fn an_endpoint_record_comes_back(member in arbitrary::member()) {
        statement_survives(StatementBody::Endpoint(member));
    }

    #[test]
    fn a_beacon_comes_back(beacon in arbitrary::beacon()) {
        statement_survives(StatementBody::Beacon(beacon));
    }
}
