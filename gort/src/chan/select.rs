//! The macros `select!` and `select_biased!`.
//!
//! They take their input apart in three passes of one hidden macro: `@list` gives each case the same
//! shape, `@case` sorts them and looks at their arguments, `@make` and what follows is the code.

/// Does one of several channel operations: the first that needn't wait, or, if several needn't, any
/// of them with equal chance.
///
/// A case is `recv(receiver) -> pattern => body` or `send(sender, message) -> pattern => body`; the
/// pattern gets the result of the operation. `default => body` is for the case that all others would
/// wait, `default(timeout) => body` for the case that all of them have waited for that long. An
/// operation that fails because its channel is disconnected needn't wait.
///
/// Senders, receivers and the timeout are evaluated once, in order; a message only when its send has
/// been chosen. A body may `break`, `continue` and `return`.
///
/// Parks a goroutine; makes a plain thread sleep; neither with a plain `default`.
///
/// ```
/// use gort::chan::{after, bounded, select};
/// use gort::time::Duration;
///
/// gort::run(|| {
///     let (tx, rx) = bounded(0);
///     gort::go(move || tx.send(7).unwrap());
///     let timeout = after(Duration::from_secs(60));
///     let got = select! {
///         recv(rx) -> msg => msg.ok(),
///         recv(timeout) -> _ => None,
///     };
///     assert_eq!(got, Some(7));
/// });
/// ```
#[macro_export]
macro_rules! select {
    ($($cases:tt)*) => {
        $crate::__select!(@start false $($cases)*)
    };
}

/// As [`select!`], but of several operations that needn't wait it does the first in the list.
///
/// ```
/// use gort::chan::{select_biased, unbounded};
///
/// let (urgent, rest) = (unbounded(), unbounded());
/// urgent.0.send(1).unwrap();
/// rest.0.send(2).unwrap();
/// let first = select_biased! {
///     recv(urgent.1) -> msg => msg,
///     recv(rest.1) -> msg => msg,
/// };
/// assert_eq!(first, Ok(1));
/// ```
#[macro_export]
macro_rules! select_biased {
    ($($cases:tt)*) => {
        $crate::__select!(@start true $($cases)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (@start $biased:tt) => {
        compile_error!("empty `select!` block")
    };
    (@start $biased:tt $($cases:tt)+) => {
        $crate::__select!(@list $biased ($($cases)+) ())
    };

    // First pass: each case becomes `kind (arguments) (pattern) { body }`, `default` with arguments.
    (@list $biased:tt () ($($done:tt)*)) => {
        $crate::__select!(@case $biased ($($done)*) () ())
    };
    (@list $biased:tt (default => $($rest:tt)*) $done:tt) => {
        $crate::__select!(@list $biased (default() => $($rest)*) $done)
    };
    (@list $biased:tt (default $($args:tt)? -> $($rest:tt)*) $done:tt) => {
        compile_error!("a `default` case has no result: expected `=>`, found `->`")
    };
    (@list $biased:tt (recv $args:tt => $($rest:tt)*) $done:tt) => {
        compile_error!("a `recv` case has a result: expected `->`, found `=>`")
    };
    (@list $biased:tt (send $args:tt => $($rest:tt)*) $done:tt) => {
        compile_error!("a `send` case has a result: expected `->`, found `=>`")
    };
    (@list $biased:tt
        ($kind:ident ($($args:tt)*) $(-> $res:pat)? => { $($body:tt)* }; $($rest:tt)*)
        $done:tt
    ) => {
        compile_error!("cases of `select!` are separated by commas, not by semicolons")
    };
    (@list $biased:tt
        ($kind:ident ($($args:tt)*) $(-> $res:pat)? => { $($body:tt)* }, $($rest:tt)*)
        ($($done:tt)*)
    ) => {
        $crate::__select!(@list $biased ($($rest)*)
            ($($done)* $kind ($($args)*) ($($res)?) { $($body)* }))
    };
    (@list $biased:tt
        ($kind:ident ($($args:tt)*) $(-> $res:pat)? => $body:expr, $($rest:tt)*)
        ($($done:tt)*)
    ) => {
        $crate::__select!(@list $biased ($($rest)*)
            ($($done)* $kind ($($args)*) ($($res)?) { $body }))
    };
    (@list $biased:tt
        ($kind:ident ($($args:tt)*) $(-> $res:pat)? => { $($body:tt)* } $($rest:tt)*)
        ($($done:tt)*)
    ) => {
        $crate::__select!(@list $biased ($($rest)*)
            ($($done)* $kind ($($args)*) ($($res)?) { $($body)* }))
    };
    (@list $biased:tt
        ($kind:ident ($($args:tt)*) $(-> $res:pat)? => $body:expr)
        ($($done:tt)*)
    ) => {
        $crate::__select!(@list $biased ()
            ($($done)* $kind ($($args)*) ($($res)?) { $body }))
    };
    (@list $biased:tt ($($rest:tt)*) $done:tt) => {
        compile_error!(concat!(
            "expected a case of `select!`, which is `recv(receiver) -> pattern => body`, ",
            "`send(sender, message) -> pattern => body`, `default => body` or ",
            "`default(timeout) => body`, with a comma after it unless the body is a block; found `",
            stringify!($($rest)*),
            "`",
        ))
    };

    // Second pass: operations into one list, `default` apart.
    (@case $biased:tt () $cases:tt $default:tt) => {
        $crate::__select!(@make $biased $cases $default)
    };
    (@case $biased:tt
        (recv ($r:expr $(,)?) ($res:pat) $body:tt $($rest:tt)*) ($($cases:tt)*) $default:tt
    ) => {
        $crate::__select!(@case $biased ($($rest)*)
            ($($cases)* recv ($r) ($res) $body) $default)
    };
    (@case $biased:tt
        (send ($s:expr, $m:expr $(,)?) ($res:pat) $body:tt $($rest:tt)*) ($($cases:tt)*) $default:tt
    ) => {
        $crate::__select!(@case $biased ($($rest)*)
            ($($cases)* send ($s, $m) ($res) $body) $default)
    };
    (@case $biased:tt
        (default ($($timeout:expr $(,)?)?) () $body:tt $($rest:tt)*) $cases:tt ()
    ) => {
        $crate::__select!(@case $biased ($($rest)*) $cases (($($timeout)?) $body))
    };
    (@case $biased:tt (default $args:tt () $body:tt $($rest:tt)*) $cases:tt ($($other:tt)+)) => {
        compile_error!("there can be only one `default` case in a `select!` block")
    };
    (@case $biased:tt (recv $args:tt $($rest:tt)*) $cases:tt $default:tt) => {
        compile_error!(concat!("`recv` takes a receiver; found `", stringify!($args), "`"))
    };
    (@case $biased:tt (send $args:tt $($rest:tt)*) $cases:tt $default:tt) => {
        compile_error!(concat!("`send` takes a sender and a message; found `", stringify!($args), "`"))
    };
    (@case $biased:tt (default $args:tt $($rest:tt)*) $cases:tt $default:tt) => {
        compile_error!(concat!("`default` takes a timeout at most; found `", stringify!($args), "`"))
    };
    (@case $biased:tt ($kind:ident $($rest:tt)*) $cases:tt $default:tt) => {
        compile_error!(concat!(
            "expected one of `recv`, `send`, or `default`, found `", stringify!($kind), "`",
        ))
    };

    // One receive by itself needs no list.
    (@make $biased:tt (recv ($r:expr) ($res:pat) $body:tt) ()) => {
        match &$r {
            r => {
                let r: &$crate::chan::Receiver<_> = r;
                let $res = r.recv();
                $body
            }
        }
    };
    (@make $biased:tt (recv ($r:expr) ($res:pat) $body:tt) (() $default:tt)) => {
        match &$r {
            r => {
                let r: &$crate::chan::Receiver<_> = r;
                match r.try_recv() {
                    ::core::result::Result::Err($crate::chan::TryRecvError::Empty) => $default,
                    result => {
                        let $res = result.map_err(|_| $crate::chan::RecvError);
                        $body
                    }
                }
            }
        }
    };
    (@make $biased:tt (recv ($r:expr) ($res:pat) $body:tt) (($timeout:expr) $default:tt)) => {
        match &$r {
            r => {
                let r: &$crate::chan::Receiver<_> = r;
                match r.recv_timeout($timeout) {
                    ::core::result::Result::Err($crate::chan::RecvTimeoutError::Timeout) => {
                        $default
                    }
                    result => {
                        let $res = result.map_err(|_| $crate::chan::RecvError);
                        $body
                    }
                }
            }
        }
    };
    // Nothing but a `default`.
    (@make $biased:tt () (() $default:tt)) => {
        $default
    };
    (@make $biased:tt () (($timeout:expr) $default:tt)) => {{
        let _ = $crate::chan::internal::select_timeout(&mut [], $timeout, $biased);
        $default
    }};
    (@make $biased:tt $cases:tt $default:tt) => {
        $crate::__select!(@bind $biased $cases $default () (
            (0 end0) (1 end1) (2 end2) (3 end3) (4 end4) (5 end5) (6 end6) (7 end7)
            (8 end8) (9 end9) (10 end10) (11 end11) (12 end12) (13 end13) (14 end14) (15 end15)
            (16 end16) (17 end17) (18 end18) (19 end19) (20 end20) (21 end21) (22 end22) (23 end23)
            (24 end24) (25 end25) (26 end26) (27 end27) (28 end28) (29 end29) (30 end30) (31 end31)
        ))
    };

    // Binds each sender and receiver, whose temporaries live as long as the whole.
    (@bind $biased:tt
        (recv ($r:expr) ($res:pat) $body:tt $($rest:tt)*) $default:tt
        ($($bound:tt)*) (($index:tt $end:ident) $($labels:tt)*)
    ) => {
        match &$r {
            $end => {
                let $end: &$crate::chan::Receiver<_> = $end;
                $crate::__select!(@bind $biased ($($rest)*) $default
                    ($($bound)* { recv $end $index () ($res) $body }) ($($labels)*))
            }
        }
    };
    (@bind $biased:tt
        (send ($s:expr, $m:expr) ($res:pat) $body:tt $($rest:tt)*) $default:tt
        ($($bound:tt)*) (($index:tt $end:ident) $($labels:tt)*)
    ) => {
        match &$s {
            $end => {
                let $end: &$crate::chan::Sender<_> = $end;
                $crate::__select!(@bind $biased ($($rest)*) $default
                    ($($bound)* { send $end $index ($m) ($res) $body }) ($($labels)*))
            }
        }
    };
    (@bind $biased:tt () $default:tt $bound:tt $labels:tt) => {
        $crate::__select!(@choose $biased $default $bound)
    };
    (@bind $biased:tt $cases:tt $default:tt $bound:tt ()) => {
        compile_error!("too many operations in a `select!` block: there can be 32")
    };

    // Chooses.
    (@choose $biased:tt ()
        ($({ $kind:ident $end:ident $index:tt $message:tt $res:tt $body:tt })*)
    ) => {{
        let mut handles = [$($crate::chan::internal::$kind($end, $index)),*];
        let operation = $crate::chan::internal::select(&mut handles, $biased);
        $crate::__select!(@complete operation $({ $kind $end $index $message $res $body })*)
    }};
    (@choose $biased:tt (() $default:tt)
        ($({ $kind:ident $end:ident $index:tt $message:tt $res:tt $body:tt })*)
    ) => {{
        let mut handles = [$($crate::chan::internal::$kind($end, $index)),*];
        match $crate::chan::internal::try_select(&mut handles, $biased) {
            ::core::option::Option::None => $default,
            ::core::option::Option::Some(operation) => {
                $crate::__select!(@complete operation $({ $kind $end $index $message $res $body })*)
            }
        }
    }};
    (@choose $biased:tt (($timeout:expr) $default:tt)
        ($({ $kind:ident $end:ident $index:tt $message:tt $res:tt $body:tt })*)
    ) => {{
        let mut handles = [$($crate::chan::internal::$kind($end, $index)),*];
        match $crate::chan::internal::select_timeout(&mut handles, $timeout, $biased) {
            ::core::option::Option::None => $default,
            ::core::option::Option::Some(operation) => {
                $crate::__select!(@complete operation $({ $kind $end $index $message $res $body })*)
            }
        }
    }};

    // Completes what was chosen, and goes on with its body.
    (@complete $operation:ident { recv $end:ident $index:tt () ($res:pat) $body:tt } $($rest:tt)*) => {
        if $operation.index() == $index {
            let $res = $operation.recv($end);
            $body
        } else {
            $crate::__select!(@complete $operation $($rest)*)
        }
    };
    (@complete $operation:ident
        { send $end:ident $index:tt ($message:expr) ($res:pat) $body:tt } $($rest:tt)*
    ) => {
        if $operation.index() == $index {
            let $res = $operation.send($end, $message);
            $body
        } else {
            $crate::__select!(@complete $operation $($rest)*)
        }
    };
    (@complete $operation:ident) => {
        unreachable!("a `select!` has chosen what is not in its list")
    };
}
