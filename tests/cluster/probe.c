/* What runs in the pods of the tests: an HTTP server that says what it sees. Static, so that an otherwise empty image
   holds it.
     GET /                        the name of its pod
     GET /file/PATH               a file
     GET /room/PATH               "TYPE SIZE": the kind of file system there in hexadecimal, and its bytes
     GET /fetch/ADDRESS/PORT      what http://ADDRESS:PORT/ answers
     POST /                       what was posted
   With arguments it does one thing and ends: `say TEXT`, or `fill FILE BYTES`, which writes so many to a new file. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { kRoom = 1 << 20 };

static void leave(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static struct sockaddr_in at(const char* address, int port) {
  struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  inet_pton(AF_INET, address, &made.sin_addr);
  return made;
}

static void say(int fd, const char* status, const char* body, size_t size) {
  char head[128];
  int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status, size);
  if (write(fd, head, (size_t)length) < 0 || write(fd, body, size) < 0) perror("write");
}

/* Reads until `end` of the stream or `room` bytes; at most as many as there are. */
static size_t read_all(int fd, char* text, size_t room) {
  size_t size = 0;
  ssize_t got;
  while (size < room && (got = read(fd, text + size, room - size)) > 0) size += (size_t)got;
  return size;
}

static void refuse(int fd, const char* what) {
  char text[256];
  int length = snprintf(text, sizeof text, "%s: %s\n", what, strerror(errno));
  say(fd, "500 Internal Server Error", text, (size_t)length);
}

static void fetch(int client, char* where) {
  static char text[kRoom];
  char* port = strchr(where, '/');
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct timeval bound = {.tv_sec = 5};
  if (port == NULL) return refuse(client, "no port");
  *port++ = 0;
  struct sockaddr_in there = at(where, atoi(port));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  if (connect(fd, (struct sockaddr*)&there, sizeof there) != 0) return refuse(client, "connect");
  static const char kRequest[] = "GET / HTTP/1.0\r\n\r\n";
  if (write(fd, kRequest, sizeof kRequest - 1) < 0) return refuse(client, "write");
  size_t size = read_all(fd, text, sizeof text - 1);
  text[size] = 0;
  char* body = strstr(text, "\r\n\r\n");
  if (body == NULL) return refuse(client, "no answer");
  say(client, "200 OK", body + 4, size - (size_t)(body + 4 - text));
}

static void answer(int client) {
  static char request[kRoom], text[kRoom];
  size_t size = 0;
  char* body = NULL;
  while (size < sizeof request - 1 && body == NULL) {
    ssize_t got = read(client, request + size, sizeof request - 1 - size);
    if (got <= 0) return;
    request[size += (size_t)got] = 0;
    body = strstr(request, "\r\n\r\n");
  }
  if (body == NULL) return;
  body += 4;
  if (strncmp(request, "POST ", 5) == 0) {
    const char* field = strcasestr(request, "\r\nContent-Length:");
    size_t wanted = field != NULL && field < body ? strtoul(field + 17, NULL, 10) : 0, here = size - (size_t)(body - request);
    if (wanted > sizeof request - (size_t)(body - request)) return;
    if (here < wanted) here += read_all(client, body + here, wanted - here);
    return say(client, "200 OK", body, here);
  }
  char* path = strchr(request, ' ');
  if (path == NULL) return;
  path++;
  path[strcspn(path, " \r\n")] = 0;
  if (strcmp(path, "/") == 0) {
    gethostname(text, sizeof text - 1);
    return say(client, "200 OK", text, strlen(text));
  }
  if (strncmp(path, "/file/", 6) == 0) {
    int fd = open(path + 5, O_RDONLY);
    if (fd < 0) return refuse(client, path);
    return say(client, "200 OK", text, read_all(fd, text, sizeof text));
  }
  if (strncmp(path, "/room/", 6) == 0) {
    struct statfs facts;
    if (statfs(path + 5, &facts) != 0) return refuse(client, path);
    int length = snprintf(text, sizeof text, "%lx %llu", (unsigned long)facts.f_type,
                          (unsigned long long)facts.f_blocks * (unsigned long long)facts.f_bsize);
    return say(client, "200 OK", text, (size_t)length);
  }
  if (strncmp(path, "/fetch/", 7) == 0) return fetch(client, path + 7);
  say(client, "404 Not Found", "", 0);
}

static int fill(const char* path, long long size) {
  static char block[65536];
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
  if (fd < 0) return perror(path), 1;
  for (; size > 0; size -= (long long)sizeof block)
    if (write(fd, block, sizeof block) < 0) return perror(path), 1;
  return 0;
}

int main(int count, char** arguments) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in all = at("0.0.0.0", 8080);
  if (count > 2 && strcmp(arguments[1], "say") == 0) return puts(arguments[2]) < 0;
  if (count > 3 && strcmp(arguments[1], "fill") == 0) return fill(arguments[2], atoll(arguments[3]));
  signal(SIGTERM, leave);
  signal(SIGCHLD, SIG_IGN);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr*)&all, sizeof all) != 0 || listen(fd, 128) != 0) {
    perror("listen");
    return 3;
  }
  puts("serving");
  fflush(stdout);
  for (;;) {
    int client = accept(fd, NULL, NULL);
    if (client < 0) continue;
    if (fork() == 0) {
      answer(client);
      _exit(0);
    }
    close(client);
  }
}
