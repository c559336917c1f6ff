//! Who runs next and where, and what the system does to the process: signals, forks, limits, faults.

mod aside;
mod boot;
mod deadlock;
mod fairness;
mod forks;
mod held_up;
mod idle_workers;
mod memory;
mod overflow;
mod placement;
mod procs;
mod running_out;
mod scheduling;
mod signals;
