module gort.rs/bench/go

go 1.27
