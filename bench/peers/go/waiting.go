package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The processor time that this process has used, in seconds.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil, "the kernel counts")
	both := usage.Utime.Nano() + usage.Stime.Nano()
	return float64(both) / 1e9
}

// How late sleepers woke, in steps of 20 µs up to two seconds.
const step = 20 * time.Microsecond

var lateness [100_000]atomic.Uint32

// The milliseconds that so many percent of n were late at most.
func late(percent, n uint64) float64 {
	seen := uint64(0)
	for i := range lateness {
		seen += uint64(lateness[i].Load())
		if seen > n*percent/100 {
			return (float64(i) + 0.5) * step.Seconds() * 1e3
		}
	}
	return 2000
}

func timers(g given) figures {
	var group sync.WaitGroup
	var awake atomic.Uint64
	group.Add(int(g.n))
	cpu, start := cpuSeconds(), time.Now()
	for i := range g.n {
		go func() {
			long := time.Duration(1+i*7919%1000) * time.Millisecond
			before := time.Now()
			time.Sleep(long)
			by := time.Since(before) - long
			check(by >= 0, "nobody wakes too early")
			lateness[min(int(by/step), len(lateness)-1)].Add(1)
			awake.Add(1)
			group.Done()
		}()
		if i%256 == 255 {
			runtime.Gosched()
		}
	}
	started := millis(start).value
	group.Wait()
	check(awake.Load() == g.n, "each has slept")
	return figures{cpuSeconds() - cpu, "cpu-s", map[string]float64{
		"p50_late_ms": late(50, g.n), "p99_late_ms": late(99, g.n),
		"started_ms": started, "wall_ms": millis(start).value,
	}}
}

func sleep50(g given) figures {
	start := time.Now()
	for range g.n {
		time.Sleep(50 * time.Microsecond)
	}
	return figures{value: millis(start).value * 1e3 / float64(g.n), unit: "us/sleep"}
}

func wakeup(g given) figures {
	sent := make(chan time.Time, 1)
	took := make([]time.Duration, 0, g.n)
	var started atomic.Bool
	ended := make(chan struct{})
	go func() {
		started.Store(true)
		for at := range sent {
			took = append(took, time.Since(at))
		}
		close(ended)
	}()
	for since := time.Now(); !started.Load() && time.Since(since) < 100*time.Millisecond; {
	}
	for range g.n {
		time.Sleep(time.Millisecond)
		sent <- time.Now()
		spin(500 * time.Microsecond)
	}
	close(sent)
	<-ended
	check(len(took) == int(g.n), "each has woken")
	slices.Sort(took)
	micros := func(percent int) float64 {
		return float64(took[len(took)*percent/100].Nanoseconds()) / 1e3
	}
	return figures{micros(50), "us", map[string]float64{"p90_us": micros(90), "p99_us": micros(99)}}
}

func hog(g given) figures {
	var done atomic.Int64
	for range g.procs {
		go func() {
			spin(time.Duration(g.n) * time.Millisecond)
			done.Add(1)
		}()
	}
	last, gap, ticks := time.Now(), time.Duration(0), 0.0
	for done.Load() < int64(g.procs) {
		time.Sleep(time.Millisecond)
		gap = max(gap, time.Since(last))
		last = time.Now()
		ticks++
	}
	return figures{gap.Seconds() * 1e3, "ms", map[string]float64{"ticks": ticks}}
}

func blockingCall(g given) figures {
	var group sync.WaitGroup
	start := time.Now()
	for range 8 {
		group.Go(func() {
			long := syscall.NsecToTimespec(int64(g.n) * 1e6)
			for left := long; ; {
				// The runtime's own signals end a sleep early.
				if syscall.Nanosleep(&left, &left) != syscall.EINTR {
					return
				}
			}
		})
	}
	group.Wait()
	return millis(start)
}

func idle(g given) figures {
	gate := make(chan struct{})
	for range g.n {
		go func() { <-gate }()
		go time.Sleep(time.Hour)
	}
	time.Sleep(100 * time.Millisecond)
	fmt.Println(`{"ready":true}`)
	time.Sleep(time.Hour)
	close(gate)
	return figures{unit: "calls"}
}
