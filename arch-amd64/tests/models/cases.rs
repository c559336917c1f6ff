//! Every row of a table is booted, and what was asked of the machine is what the row says.

use rt_core::OsError;
use rt_core::boot::tls::{
    Asked, Halt, MAGIC, Recorder, Slot, StackBy, Tls, TlsModel, rt0_go, worker,
};
use rt_core::boot::{Boot, Stage};

use super::{MODELS, SETS, SKIPS};

/// The row of a system.
pub(crate) fn find(system: &str) -> TlsModel {
    let found = MODELS.iter().find(|model| model.system == system);
    *found.unwrap_or_else(|| panic!("no row for {system}"))
}

/// Boots a row: what was asked for, and what was noted.
fn boot(model: &TlsModel) -> (Recorder, Boot, Result<(), Halt>) {
    let (mut machine, boot) = (Recorder::new(), Boot::new());
    let result = rt0_go(model, &mut machine, &boot);
    (machine, boot, result)
}

/// How a stage went; none if it was not reached.
fn skipped(boot: &Boot, stage: Stage) -> Option<bool> {
    boot.steps().iter().find(|step| step.stage == stage).map(|step| step.skipped)
}

#[test]
fn the_rows_are_the_systems() {
    let names: Vec<_> = MODELS.iter().map(|model| model.system).collect();
    assert_eq!(names, [SETS, SKIPS].concat());
}

#[test]
fn those_that_set_the_storage_do_and_find_the_number_in_memory() {
    for &system in SETS {
        let model = find(system);
        let Tls::Set(call) = model.tls else { panic!("{system} sets it") };
        let (machine, boot, result) = boot(&model);
        assert_eq!(result, Ok(()), "{system}");
        let mut expected = vec![Asked::Arguments(model.argc), Asked::Processor];
        if matches!(model.g, Slot::Found(_) | Slot::Reserved(_)) {
            expected.push(Asked::ReserveSlot);
        }
        expected.extend([
            Asked::SetTls(call),
            Asked::Stored(MAGIC),
            Asked::Looked,
            Asked::Stored(0),
            Asked::Bind,
            Asked::Check,
            Asked::Args,
        ]);
        assert_eq!(machine.asked, expected, "{system}");
        assert_eq!(skipped(&boot, Stage::SetTls), Some(false), "{system}");
        assert_eq!(skipped(&boot, Stage::HostHook), Some(true), "{system}");
    }
}

#[test]
fn those_that_skip_it_touch_none() {
    for &system in SKIPS {
        let model = find(system);
        let Tls::Skip(why) = model.tls else { panic!("{system} skips it") };
        let (machine, boot, result) = boot(&model);
        assert_eq!(result, Ok(()), "{system}");
        assert!(!machine.touched_tls(), "{system}: {:?}", machine.asked);
        let mut expected = vec![Asked::Arguments(model.argc), Asked::Processor];
        expected.extend(model.host.map(Asked::HostHook));
        expected.extend([Asked::Bind, Asked::Check, Asked::Args]);
        assert_eq!(machine.asked, expected, "{system}");
        let said = boot.steps();
        let step = said.iter().find(|step| step.stage == Stage::SetTls);
        assert!(step.is_some_and(|step| step.skipped && step.why == why), "{system}");
        assert_eq!(skipped(&boot, Stage::HostHook), Some(model.host.is_none()), "{system}");
    }
}

#[test]
fn a_refusal_ends_the_start() {
    for &system in SETS {
        let (mut machine, boot) = (Recorder::new(), Boot::new());
        machine.refuse = Some(OsError(1));
        let result = rt0_go(&find(system), &mut machine, &boot);
        assert_eq!(result, Err(Halt::Tls(OsError(1))), "{system}");
        assert!(matches!(machine.asked.last(), Some(Asked::SetTls(_))), "{system}");
        assert_eq!(skipped(&boot, Stage::SetTls), None, "{system}");
        assert_eq!(skipped(&boot, Stage::Bind), None, "{system}");
    }
}

#[test]
fn storage_that_was_set_beside_its_place_is_noticed() {
    for &system in SETS {
        for astray in [-8, 8, 64] {
            let (mut machine, boot) = (Recorder::new(), Boot::new());
            machine.astray = astray;
            let result = rt0_go(&find(system), &mut machine, &boot);
            assert_eq!(result, Err(Halt::NotFound), "{system}");
            assert_eq!(skipped(&boot, Stage::Bind), None, "{system}");
        }
    }
}

#[test]
fn a_worker_has_what_the_row_says() {
    for model in MODELS {
        let mut machine = Recorder::new();
        assert_eq!(worker(model, &mut machine), Ok(()), "{}", model.system);
        let mut expected = Vec::new();
        expected.extend((model.stack == StackBy::Us).then_some(Asked::Stack));
        expected.push(Asked::Thread(model.thread, model.thread_tls));
        expected.push(Asked::Sleep(model.sleep));
        assert_eq!(machine.asked, expected, "{}", model.system);
    }
}
