package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
)

// Listens, says where, and returns the listener.
func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err == nil, "a port is free")
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	return listener
}

func tcpEcho(given) figures {
	listener := listen()
	for {
		stream, err := listener.Accept()
		check(err == nil, "there are descriptors enough")
		go func() {
			defer stream.Close()
			buffer := make([]byte, 512)
			for {
				n, err := stream.Read(buffer)
				if err != nil {
					return
				}
				if _, err = stream.Write(buffer[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// The standard library's server, which does more than the other peers' few lines.
func httpd(given) figures {
	answer := func(w http.ResponseWriter, _ *http.Request) {
		// Nothing but the length, as the other peers.
		w.Header()["Date"] = nil
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "Hello, world!")
	}
	panic(http.Serve(listen(), http.HandlerFunc(answer)))
}
