// The client of the servers: so many connections, each of which sends its next request as soon as it
// has its answer, shared out among so many threads: one alone is slower than a server on two workers.
//
//     load PORT CONNECTIONS MILLISECONDS echo|http PID THREADS
//
// After a tenth of the time to warm up it counts requests, how long each took, and the processor time
// of the process PID meanwhile, and prints one line of JSON.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
static const char BODY[] = "Hello, world!";

struct connection {
    int fd;
    size_t got;
    double sent;
    long requests;
    char answer[512];
};

// A thread, and its share of the connections.
struct client {
    pthread_t thread;
    struct connection *all;
    int count;
    // Of one microsecond each; the last has all that took longer.
    long took[1000000];
};

static int http;
static char echoed[64];
static double begin, end;

static void check(int condition, const char *sentence) {
    if (!condition) {
        perror(sentence);
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

// The processor time of a process, in seconds.
static double cpu(const char *pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "r");
    check(file != NULL, path);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    unsigned long user, system;
    const char *fields = strrchr(text, ')');
    check(fields && sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                           &system) == 2, path);
    return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void request(struct connection *c) {
    const char *text = http ? REQUEST : echoed;
    ssize_t bytes = http ? sizeof REQUEST - 1 : sizeof echoed;
    c->got = 0;
    c->sent = now();
    check(write(c->fd, text, bytes) == bytes, "write");
}

// Whether the answer is all there.
static int complete(struct connection *c) {
    if (!http) {
        check(c->got <= sizeof echoed, "no more than was sent");
        return c->got == sizeof echoed && !memcmp(c->answer, echoed, sizeof echoed);
    }
    char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);
    if (!end || c->got < (size_t)(end + 4 - c->answer) + sizeof BODY - 1) return 0;
    check(!memcmp(c->answer, "HTTP/1.1 200", 12) && !memcmp(end + 4, BODY, sizeof BODY - 1), "answer");
    return 1;
}

static const long LAST = sizeof((struct client *)0)->took / sizeof(long) - 1;

static void *ask(void *argument) {
    struct client *me = argument;
    int epoll = epoll_create1(0), warm = 0;
    for (int i = 0; i < me->count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &me->all[i]};
        check(epoll_ctl(epoll, EPOLL_CTL_ADD, me->all[i].fd, &event) == 0, "epoll_ctl");
        request(&me->all[i]);
    }
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, 1000);
        double time = now();
        if (!warm && time >= begin) {
            warm = 1;
            memset(me->took, 0, sizeof me->took);
            for (int i = 0; i < me->count; i++) me->all[i].requests = 0;
        }
        if (time >= end) return NULL;
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            ssize_t n = read(c->fd, c->answer + c->got, sizeof c->answer - c->got);
            check(n > 0, "the server has hung up");
            c->got += n;
            if (!complete(c)) continue;
            long micros = (now() - c->sent) * 1e6;
            me->took[micros < LAST ? micros : LAST]++;
            c->requests++;
            request(c);
        }
    }
}

static double at_most(double part, long total, const long *took) {
    long seen = 0;
    for (long i = 0; i <= LAST; i++)
        if ((seen += took[i]) > part * total) return i;
    return LAST;
}

static void sleep_until(double time) {
    struct timespec when = {.tv_sec = time, .tv_nsec = (time - (long)time) * 1e9};
    check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == 0, "clock_nanosleep");
}

int main(int argc, char **argv) {
    check(argc == 7, "load PORT CONNECTIONS MILLISECONDS echo|http PID THREADS");
    int count = atoi(argv[2]), threads = atoi(argv[6]);
    check(threads > 0 && threads <= count, "between one thread and one for each connection");
    double seconds = atoi(argv[3]) / 1e3;
    http = !strcmp(argv[4], "http");
    for (size_t i = 0; i < sizeof echoed; i++) echoed[i] = 'a' + i % 26;
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct connection *all = calloc(count, sizeof *all);
    for (int i = 0; i < count; i++) {
        int yes = 1;
        all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        check(connect(all[i].fd, (void *)&server, sizeof server) == 0, "connect");
        setsockopt(all[i].fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    struct client *clients = calloc(threads, sizeof *clients);
    begin = now() + seconds / 10;
    end = begin + seconds;
    for (int i = 0; i < threads; i++) {
        int from = (long)count * i / threads, to = (long)count * (i + 1) / threads;
        clients[i].all = all + from;
        clients[i].count = to - from;
        check(!pthread_create(&clients[i].thread, NULL, ask, &clients[i]), "pthread_create");
    }
    sleep_until(begin);
    double used = cpu(argv[5]);
    sleep_until(end);
    used = cpu(argv[5]) - used;
    for (int i = 0; i < threads; i++) pthread_join(clients[i].thread, NULL);
    long total = 0, fewest = all[0].requests, *took = clients[0].took;
    for (int i = 1; i < threads; i++)
        for (long k = 0; k <= LAST; k++) took[k] += clients[i].took[k];
    for (int i = 0; i < count; i++) {
        total += all[i].requests;
        if (all[i].requests < fewest) fewest = all[i].requests;
    }
    check(total > 0, "nothing was answered");
    printf("{\"value\":%.3f,\"unit\":\"us-cpu/request\",\"more\":{\"wall_us\":%.3f,"
           "\"requests_per_s\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"fewest_of_mean\":%.3f,"
           "\"client_threads\":%d}}\n",
           used * 1e6 / total, seconds * 1e6 / total, total / seconds, at_most(0.5, total, took),
           at_most(0.99, total, took), fewest / ((double)total / count), threads);
}
