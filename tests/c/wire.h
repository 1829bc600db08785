/* One request of the remoting protocol at a time, over a socket of our own: what a client would see. */
#ifndef WIRE_H
#define WIRE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection to a port of the loopback, or -1. */
static inline int wire_connect(int port) {
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Writes a request without a body: total length, header length, header. */
static inline int wire_ask(int fd, int code, int opaque, const char *fields) {
    char frame[512];
    uint32_t total, head;
    int length = snprintf(frame + 8, sizeof frame - 8,
                          "{\"code\":%d,\"language\":\"OTHER\",\"version\":399,\"opaque\":%d,\"flag\":0,"
                          "\"extFields\":{%s}}",
                          code, opaque, fields);
    total = htonl((uint32_t)length + 4);
    head = htonl((uint32_t)length);
    memcpy(frame, &total, 4);
    memcpy(frame + 4, &head, 4);
    return send(fd, frame, (size_t)length + 8, MSG_NOSIGNAL) == length + 8;
}

/* Reads one frame and puts its header into `header`. 0 when the connection ended. */
static inline int wire_answer(int fd, char *header, size_t room) {
    unsigned char sizes[8];
    size_t rest, length;
    char byte;
    header[0] = '\0';
    if (recv(fd, sizes, sizeof sizes, MSG_WAITALL) != (ssize_t)sizeof sizes) {
        return 0;
    }
    rest = ((size_t)sizes[0] << 24 | (size_t)sizes[1] << 16 | (size_t)sizes[2] << 8 | sizes[3]) - 4;
    length = (size_t)sizes[5] << 16 | (size_t)sizes[6] << 8 | sizes[7];
    for (size_t i = 0; i < rest; i++) {
        if (recv(fd, &byte, 1, 0) != 1) {
            return 0;
        }
        if (i < length && i + 1 < room) {
            header[i] = byte;
            header[i + 1] = '\0';
        }
    }
    return 1;
}

#endif
