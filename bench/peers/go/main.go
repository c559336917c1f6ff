// The workloads in Go, with as many processors as asked for: PEER WORKLOAD [--procs N] [--n COUNT].
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

type given struct {
	n     uint64
	procs int
}

// The figure of a workload, of which less is better, and others beside it.
type figures struct {
	value float64
	unit  string
	more  map[string]float64
}

var workloads = map[string]func(given) figures{
	"switch": switching, "crowd": crowd, "spawn_join": spawnJoin, "spawn_tree": spawnTree,
	"skynet": skynet, "pingpong_unbuf": pingpong, "crowd_chan": crowdChan, "chan_buf": chanBuf, "mpmc": mpmc,
	"ring": ring, "select": selecting, "mutex": mutex, "mutex_8": mutex8, "timers": timers,
	"sleep_50us": sleep50, "mem": mem, "wakeup": wakeup, "hog": hog,
	"blocking_call": blockingCall, "idle": idle, "tcp_echo": tcpEcho, "httpd": httpd,
}

func main() {
	g := given{n: 100_000, procs: 1}
	name := ""
	for i := 1; i < len(os.Args); i++ {
		switch os.Args[i] {
		case "--n", "--procs":
			number, err := strconv.ParseUint(os.Args[i+1], 10, 64)
			check(err == nil, "a number follows")
			if os.Args[i] == "--n" {
				g.n = number
			} else {
				g.procs = int(number)
			}
			i++
		default:
			name = os.Args[i]
		}
	}
	run, known := workloads[name]
	if !known {
		fmt.Fprintf(os.Stderr, "go has no workload `%s`\n", name)
		os.Exit(2)
	}
	runtime.GOMAXPROCS(g.procs)
	f := run(g)
	if f.more == nil {
		f.more = map[string]float64{}
	}
	line, err := json.Marshal(map[string]any{
		"peer": "go", "workload": name, "procs": g.procs, "n": g.n,
		"value": f.value, "unit": f.unit, "more": f.more,
	})
	check(err == nil, "numbers are finite")
	fmt.Println(string(line))
}

func check(condition bool, sentence string) {
	if !condition {
		panic(sentence)
	}
}

// The nanoseconds since start, for each of n operations.
func per(start time.Time, n uint64, unit string) figures {
	return figures{value: float64(time.Since(start).Nanoseconds()) / float64(n), unit: unit}
}

func millis(start time.Time) figures {
	return figures{value: time.Since(start).Seconds() * 1e3, unit: "ms"}
}

// The sum of all numbers below n, as it wraps.
func sumBelow(n uint64) (sum uint64) {
	for i := range n {
		sum += i
	}
	return
}

// Holds the thread so long.
func spin(long time.Duration) {
	for start := time.Now(); time.Since(start) < long; {
	}
}

// Resident memory and page tables, in bytes.
func used() (bytes uint64) {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[0] == "VmRSS:" || fields[0] == "VmPTE:" {
			kib, _ := strconv.ParseUint(fields[1], 10, 64)
			bytes += kib * 1024
		}
	}
	return
}
