// The workloads on Boost.Fiber: PEER WORKLOAD [--procs N] [--n COUNT].
//
// On one thread its scheduler is `round_robin`, which is its default; on more it is `shared_work`, one
// queue for all of them: `work_stealing` wants as many threads as the machine has processors.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/fiber/all.hpp>

namespace fibers = boost::fibers;
using boost::fibers::fiber;
using Clock = std::chrono::steady_clock;

struct Given {
    uint64_t n = 100000;
    int procs = 1;
};

struct Figures {
    double value;
    const char *unit;
    double spawn_ns = 0;
};

static void check(bool condition, const char *sentence) {
    if (!condition) {
        std::fprintf(stderr, "boost: %s\n", sentence);
        std::exit(1);
    }
}

static double nanos(Clock::time_point start) {
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

static Figures per(Clock::time_point start, uint64_t n, const char *unit) {
    return {nanos(start) / n, unit};
}

static uint64_t sum_below(uint64_t n) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) sum += i;
    return sum;
}

static Figures switching(Given given) {
    uint64_t half = given.n / 2, switched[2] = {};
    auto body = [half, &switched](int i) {
        for (; switched[i] < half; switched[i]++) boost::this_fiber::yield();
    };
    auto start = Clock::now();
    fiber other(body, 0);
    body(1);
    other.join();
    check(switched[0] + switched[1] == 2 * half, "both have yielded");
    return per(start, 2 * half, "ns/switch");
}

static Figures spawn_join(Given given) {
    uint64_t batches = (given.n + 999) / 1000;
    std::atomic<uint64_t> sum{0};
    std::vector<fiber> batch;
    batch.reserve(1000);
    fibers::pooled_fixedsize_stack stacks;
    auto start = Clock::now();
    for (uint64_t i = 0; i < batches; i++) {
        for (int j = 0; j < 1000; j++)
            batch.emplace_back(std::allocator_arg, stacks,
                               [&sum] { sum.fetch_add(1, std::memory_order_relaxed); });
        for (auto &each : batch) each.join();
        batch.clear();
    }
    auto figures = per(start, batches * 1000, "ns/task");
    check(sum == batches * 1000, "each has run");
    return figures;
}

static Figures pingpong(Given given) {
    fibers::unbuffered_channel<uint64_t> there, back;
    fiber other([&] {
        for (uint64_t v : there) back.push(v + 1);
    });
    uint64_t v = 0;
    auto start = Clock::now();
    for (uint64_t i = 0; i < given.n; i++) {
        there.push(v);
        v = back.value_pop();
    }
    auto figures = per(start, given.n, "ns/roundtrip");
    check(v == given.n, "each number came back");
    there.close();
    other.join();
    return figures;
}

static Figures through(Given given, int senders) {
    uint64_t each = given.n / senders;
    fibers::buffered_channel<uint64_t> items(128);
    std::vector<fiber> sending, receiving;
    std::vector<uint64_t> counts(senders), sums(senders);
    auto start = Clock::now();
    for (int s = 0; s < senders; s++) {
        receiving.emplace_back([&, s] {
            uint64_t count = 0, sum = 0;
            for (uint64_t v : items) count++, sum += v;
            counts[s] = count, sums[s] = sum;
        });
        sending.emplace_back([&items, each] {
            for (uint64_t i = 0; i < each; i++) items.push(i);
        });
    }
    for (auto &sender : sending) sender.join();
    items.close();
    for (auto &receiver : receiving) receiver.join();
    auto figures = per(start, senders * each, "ns/item");
    uint64_t count = 0, sum = 0;
    for (int s = 0; s < senders; s++) count += counts[s], sum += sums[s];
    check(count == senders * each && sum == senders * sum_below(each), "each item came");
    return figures;
}

static Figures ring(Given given) {
    std::vector<std::unique_ptr<fibers::unbuffered_channel<uint64_t>>> channels;
    std::vector<fiber> members;
    for (int i = 0; i < 1000; i++)
        channels.emplace_back(new fibers::unbuffered_channel<uint64_t>);
    for (int i = 0; i < 999; i++)
        members.emplace_back([&channels, i] {
            for (uint64_t v : *channels[i]) channels[i + 1]->push(v + 1);
            channels[i + 1]->close();
        });
    uint64_t v = 0, rounds = (given.n + 999) / 1000;
    auto start = Clock::now();
    for (uint64_t i = 0; i < rounds; i++) {
        channels[0]->push(v + 1);
        v = channels[999]->value_pop();
    }
    auto figures = per(start, v, "ns/hop");
    check(v == rounds * 1000, "the number went around");
    channels[0]->close();
    for (auto &member : members) member.join();
    return figures;
}

static Figures mutex(Given given) {
    fibers::mutex lock;
    uint64_t count = 0;
    auto start = Clock::now();
    for (uint64_t i = 0; i < given.n; i++) {
        lock.lock();
        count++;
        lock.unlock();
    }
    auto figures = per(start, given.n, "ns/lock");
    check(count == given.n, "each has counted");
    return figures;
}

static Figures mutex_8(Given given) {
    fibers::mutex lock;
    uint64_t count = 0, each = given.n / 8;
    std::vector<fiber> contenders;
    auto start = Clock::now();
    for (int i = 0; i < 8; i++)
        contenders.emplace_back([&] {
            for (uint64_t j = 0; j < each; j++) {
                lock.lock();
                count++;
                lock.unlock();
            }
        });
    for (auto &contender : contenders) contender.join();
    check(count == 8 * each, "each has counted");
    return per(start, 8 * each, "ns/lock");
}

// Resident memory and page tables, in bytes.
static uint64_t used() {
    std::ifstream status("/proc/self/status");
    uint64_t bytes = 0, kib;
    for (std::string line; std::getline(status, line);)
        if (std::sscanf(line.c_str(), "VmRSS: %lu", &kib) == 1 ||
            std::sscanf(line.c_str(), "VmPTE: %lu", &kib) == 1)
            bytes += kib * 1024;
    return bytes;
}

static Figures mem(Given given) {
    std::atomic<uint64_t> started{0};
    fibers::mutex lock;
    fibers::condition_variable opened;
    bool open = false;
    std::vector<fiber> waiting;
    waiting.reserve(given.n);
    uint64_t before = used();
    auto start = Clock::now();
    for (uint64_t i = 0; i < given.n; i++) {
        waiting.emplace_back([&] {
            started++;
            std::unique_lock<fibers::mutex> guard(lock);
            opened.wait(guard, [&] { return open; });
        });
        if (i % 256 == 255) boost::this_fiber::yield();
    }
    while (started < given.n) boost::this_fiber::yield();
    double spawn_ns = nanos(start) / given.n;
    double each = double(used() - before) / given.n;
    {
        std::unique_lock<fibers::mutex> guard(lock);
        open = true;
    }
    opened.notify_all();
    for (auto &fiber : waiting) fiber.join();
    return {each, "B/task", spawn_ns};
}

static const struct {
    const char *name;
    std::function<Figures(Given)> run;
} WORKLOADS[] = {
    {"switch", switching},
    {"spawn_join", spawn_join},
    {"pingpong_unbuf", pingpong},
    {"chan_buf", [](Given given) { return through(given, 1); }},
    {"mpmc", [](Given given) { return through(given, 4); }},
    {"ring", ring},
    {"mutex", mutex},
    {"mutex_8", mutex_8},
    {"mem", mem},
};

// Runs the workload on the first of so many threads that share their fibers.
static Figures on(Given given, const std::function<Figures(Given)> &run) {
    if (given.procs == 1) return run(given);
    fibers::mutex lock;
    fibers::condition_variable_any ended;
    bool end = false;
    std::vector<std::thread> others;
    for (int i = 1; i < given.procs; i++)
        others.emplace_back([&] {
            fibers::use_scheduling_algorithm<fibers::algo::shared_work>(true);
            std::unique_lock<fibers::mutex> guard(lock);
            ended.wait(guard, [&] { return end; });
        });
    fibers::use_scheduling_algorithm<fibers::algo::shared_work>(true);
    Figures figures = run(given);
    lock.lock();
    end = true;
    lock.unlock();
    ended.notify_all();
    for (auto &other : others) other.join();
    return figures;
}

int main(int argc, char **argv) {
    Given given;
    std::string name;
    for (int i = 1; i < argc; i++) {
        if (!std::strcmp(argv[i], "--n")) given.n = std::strtoull(argv[++i], nullptr, 10);
        else if (!std::strcmp(argv[i], "--procs")) given.procs = std::atoi(argv[++i]);
        else name = argv[i];
    }
    for (const auto &workload : WORKLOADS) {
        if (name != workload.name) continue;
        Figures figures = on(given, workload.run);
        std::printf("{\"peer\":\"boost\",\"workload\":\"%s\",\"procs\":%d,\"n\":%lu,\"value\":%.4f,"
                    "\"unit\":\"%s\",\"more\":{",
                    workload.name, given.procs, given.n, figures.value, figures.unit);
        if (figures.spawn_ns > 0) std::printf("\"spawn_ns\":%.3f", figures.spawn_ns);
        std::puts("}}");
        return 0;
    }
    std::fprintf(stderr, "boost has no workload `%s`\n", name.c_str());
    return 2;
}
