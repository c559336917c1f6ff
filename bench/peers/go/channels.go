package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func pingpong(g given) figures {
	there, back := make(chan uint64), make(chan uint64)
	go func() {
		for v := range there {
			back <- v + 1
		}
	}()
	v := uint64(0)
	start := time.Now()
	for range g.n {
		there <- v
		v = <-back
	}
	f := per(start, g.n, "ns/roundtrip")
	check(v == g.n, "each number came back")
	return f
}

func crowdChan(g given) figures {
	pairs, rounds := g.n/2, max(1_000_000/g.n, 30)
	gate := make(chan struct{})
	var group sync.WaitGroup
	var sum atomic.Uint64
	for i := range pairs {
		there, back := make(chan uint64), make(chan uint64)
		go func() {
			for v := range there {
				back <- v + 1
			}
		}()
		group.Add(1)
		go func() {
			<-gate
			v := uint64(0)
			for range rounds {
				there <- v
				v = <-back
			}
			close(there)
			sum.Add(v)
			group.Done()
		}()
		if i%128 == 127 {
			runtime.Gosched()
		}
	}
	for range 3 {
		runtime.Gosched()
	}
	start := time.Now()
	close(gate)
	group.Wait()
	check(sum.Load() == pairs*rounds, "each number came back")
	return per(start, pairs*rounds, "ns/roundtrip")
}

func chanBuf(g given) figures {
	items := make(chan uint64, 128)
	start := time.Now()
	go func() {
		for i := range g.n {
			items <- i
		}
		close(items)
	}()
	count, sum := uint64(0), uint64(0)
	for v := range items {
		count++
		sum += v
	}
	f := per(start, count, "ns/item")
	check(count == g.n && sum == sumBelow(g.n), "each item came")
	return f
}

func mpmc(g given) figures {
	each := g.n / 4
	items := make(chan uint64, 128)
	var senders, receivers sync.WaitGroup
	counts, sums := make([]uint64, 4), make([]uint64, 4)
	start := time.Now()
	for r := range 4 {
		receivers.Go(func() {
			count, sum := uint64(0), uint64(0)
			for v := range items {
				count++
				sum += v
			}
			counts[r], sums[r] = count, sum
		})
		senders.Go(func() {
			for i := range each {
				items <- i
			}
		})
	}
	senders.Wait()
	close(items)
	receivers.Wait()
	f := per(start, 4*each, "ns/item")
	count, sum := uint64(0), uint64(0)
	for r := range 4 {
		count += counts[r]
		sum += sums[r]
	}
	check(count == 4*each && sum == 4*sumBelow(each), "each item came")
	return f
}

func ring(g given) figures {
	first := make(chan uint64)
	last := first
	for range 999 {
		before, next := last, make(chan uint64)
		go func() {
			for v := range before {
				next <- v + 1
			}
		}()
		last = next
	}
	v, rounds := uint64(0), (g.n+999)/1000
	start := time.Now()
	for range rounds {
		first <- v + 1
		v = <-last
	}
	f := per(start, v, "ns/hop")
	check(v == rounds*1000, "the number went around")
	return f
}

func selecting(g given) figures {
	each := g.n / 4
	ends := make([]chan uint64, 4)
	for i := range ends {
		ends[i] = make(chan uint64)
		go func() {
			for v := range each {
				ends[i] <- v
			}
		}()
	}
	a, b, c, d := ends[0], ends[1], ends[2], ends[3]
	sum := uint64(0)
	start := time.Now()
	for range 4 * each {
		var v uint64
		select {
		case v = <-a:
		case v = <-b:
		case v = <-c:
		case v = <-d:
		}
		sum += v
	}
	f := per(start, 4*each, "ns/item")
	check(sum == 4*sumBelow(each), "each item came")
	return f
}

func mutex(g given) figures {
	var lock sync.Mutex
	count := uint64(0)
	start := time.Now()
	for range g.n {
		lock.Lock()
		count++
		lock.Unlock()
	}
	f := per(start, g.n, "ns/lock")
	check(count == g.n, "each has counted")
	return f
}

func mutex8(g given) figures {
	var lock sync.Mutex
	var group sync.WaitGroup
	count, each := uint64(0), g.n/8
	start := time.Now()
	for range 8 {
		group.Go(func() {
			for range each {
				lock.Lock()
				count++
				lock.Unlock()
			}
		})
	}
	group.Wait()
	f := per(start, 8*each, "ns/lock")
	check(count == 8*each, "each has counted")
	return f
}
