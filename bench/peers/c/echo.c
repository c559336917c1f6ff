// The limit of a server: one loop around epoll per processor, with nothing between it and the kernel.
//
//     PEER tcp_echo|httpd [--procs N]    prints {"port":N} and serves until it is ended
//
// Connections are accepted by one thread and given to the loops in turn.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!";

static int http;

static void check(int condition, const char *sentence) {
    if (!condition) {
        perror(sentence);
        exit(1);
    }
}

// Serves what one connection has sent; 0 when it has hung up. A request comes whole, and one at a time.
static int serve(int fd) {
    char buffer[2048];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) return 0;
    if (!http) return write(fd, buffer, n) == n;
    check(memmem(buffer, n, "\r\n\r\n", 4) == buffer + n - 4, "a whole request");
    return write(fd, ANSWER, sizeof ANSWER - 1) == sizeof ANSWER - 1;
}

static void *loop(void *poller) {
    int epoll = (int)(long)poller;
    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++)
            if (!serve(events[i].data.fd)) close(events[i].data.fd);
    }
    return NULL;
}

int main(int argc, char **argv) {
    int procs = 1;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "httpd")) http = 1;
        if (!strcmp(argv[i], "--procs")) procs = atoi(argv[i + 1]);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (void *)&address, size) == 0, "bind");
    check(listen(listener, 1024) == 0, "listen");
    check(getsockname(listener, (void *)&address, &size) == 0, "getsockname");
    int pollers[64];
    for (int i = 0; i < procs && i < 64; i++) {
        pthread_t thread;
        pollers[i] = epoll_create1(0);
        check(pthread_create(&thread, NULL, loop, (void *)(long)pollers[i]) == 0, "thread");
    }
    printf("{\"port\":%d}\n", ntohs(address.sin_port));
    fflush(stdout);
    for (int next = 0;; next = (next + 1) % procs) {
        int fd = accept(listener, NULL, NULL), yes = 1;
        check(fd >= 0, "accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        check(epoll_ctl(pollers[next], EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    }
}
