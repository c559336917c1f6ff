package main

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func switching(g given) figures {
	half := g.n / 2
	body := func() (switched uint64) {
		for range half {
			runtime.Gosched()
			switched++
		}
		return
	}
	other := make(chan uint64)
	start := time.Now()
	go func() { other <- body() }()
	both := body() + <-other
	check(both == half*2, "both have yielded")
	return per(start, both, "ns/switch")
}

func crowd(g given) figures {
	rounds := max(2_000_000/g.n, 10)
	gate := make(chan struct{})
	var group sync.WaitGroup
	var sum atomic.Uint64
	for i := range g.n {
		group.Add(1)
		go func() {
			<-gate
			for range rounds {
				runtime.Gosched()
			}
			sum.Add(rounds)
			group.Done()
		}()
		if i%256 == 255 {
			runtime.Gosched()
		}
	}
	for range 3 {
		runtime.Gosched()
	}
	close(gate)
	start := time.Now()
	group.Wait()
	check(sum.Load() == rounds*g.n, "all have yielded")
	return per(start, rounds*g.n, "ns/switch")
}

func spawnJoin(g given) figures {
	batches := (g.n + 999) / 1000
	results := make([]uint64, 1000)
	sum := uint64(0)
	start := time.Now()
	for range batches {
		var group sync.WaitGroup
		group.Add(1000)
		for i := range results {
			go func() {
				results[i] = 1
				group.Done()
			}()
		}
		group.Wait()
		for i := range results {
			sum += results[i]
			results[i] = 0
		}
	}
	f := per(start, batches*1000, "ns/task")
	check(sum == batches*1000, "each has run")
	return f
}

func leaves(depth int) uint64 {
	if depth == 0 {
		return 1
	}
	left := make(chan uint64, 1)
	go func() { left <- leaves(depth - 1) }()
	return leaves(depth-1) + <-left
}

func spawnTree(g given) figures {
	depth := bits.Len64(g.n) - 1
	start := time.Now()
	sum := leaves(depth)
	f := per(start, sum, "ns/task")
	check(sum == 1<<depth, "each leaf is counted")
	return f
}

func node(up chan uint64, first, leaves uint64) {
	if leaves == 1 {
		up <- first
		return
	}
	results := make(chan uint64, 10)
	each := leaves / 10
	for i := range uint64(10) {
		go node(results, first+i*each, each)
	}
	sum := uint64(0)
	for range 10 {
		sum += <-results
	}
	up <- sum
}

func skynet(g given) figures {
	leaves := uint64(1)
	for leaves*10 <= g.n {
		leaves *= 10
	}
	result := make(chan uint64, 1)
	start := time.Now()
	go node(result, 0, leaves)
	sum := <-result
	f := millis(start)
	check(sum == leaves*(leaves-1)/2, "each leaf is added")
	return f
}

func mem(g given) figures {
	var started atomic.Uint64
	var group sync.WaitGroup
	gate := make(chan struct{})
	group.Add(int(g.n))
	before := used()
	start := time.Now()
	for i := range g.n {
		go func() {
			started.Add(1)
			<-gate
			group.Done()
		}()
		if i%256 == 255 {
			runtime.Gosched()
		}
	}
	for started.Load() < g.n {
		runtime.Gosched()
	}
	spawn := per(start, g.n, "").value
	each := float64(used()-before) / float64(g.n)
	close(gate)
	group.Wait()
	return figures{each, "B/task", map[string]float64{"spawn_ns": spawn}}
}
