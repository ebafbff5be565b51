/* A model for the tests: serves its Unix socket and does as its requests say. In C, so that it can be built against
   glibc, against musl, and against nothing. One child process a connection, one request each. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile sig_atomic_t got_hup = 0;
static void on_hup(int signal) { (void)signal; got_hup = 1; }

static void answer(int fd, const char *body, size_t size) {
  char head[128];
  int length = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n", size);
  if (write(fd, head, (size_t)length) < 0) return;
  while (size > 0) {
    ssize_t sent = write(fd, body, size);
    if (sent <= 0) return;
    body += sent;
    size -= (size_t)sent;
  }
}

static void listen_everywhere(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 8) == 0) pause();
  _exit(1);
}

static void serve(int fd) {
  static char request[65536];
  size_t size = 0;
  while (size < sizeof request - 1) {
    ssize_t got = read(fd, request + size, sizeof request - 1 - size);
    if (got <= 0) break;
    size += (size_t)got;
    request[size] = 0;
    if (strstr(request, "\r\n\r\n") != NULL) break;
  }
  char target[1024] = "";
  sscanf(request, "%*s %1023s", target);
  static char body[1 << 20];
  if (strcmp(target, "/ready") == 0 && access("/mifeng/model/unready", F_OK) == 0) {
    const char *text = "HTTP/1.1 503 Not ready\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (write(fd, text, strlen(text)) < 0) _exit(1);
  } else if (strcmp(target, "/ready") == 0) {
    answer(fd, "", 0);
  } else if (strcmp(target, "/env") == 0) {
    size_t at = 0;
    for (char **entry = environ; *entry != NULL; ++entry) at += (size_t)sprintf(body + at, "%s\n", *entry);
    answer(fd, body, at);
  } else if (strcmp(target, "/slow") == 0) {
    sleep(4);
    answer(fd, "slow\n", 5);
  } else if (strcmp(target, "/echo") == 0) {
    const char *length = strstr(request, "Content-Length: ");
    const char *end = strstr(request, "\r\n\r\n");
    size_t want = length == NULL ? 0 : (size_t)atol(length + 16), begin = end == NULL ? size : (size_t)(end + 4 - request);
    while (size < begin + want && size < sizeof request - 1) {
      ssize_t got = read(fd, request + size, sizeof request - 1 - size);
      if (got <= 0) break;
      size += (size_t)got;
    }
    answer(fd, request + begin, size - begin);
  } else if (strcmp(target, "/hup") == 0) {
    answer(fd, got_hup ? "1" : "0", 1);
  } else if (strncmp(target, "/listen/", 8) == 0) {
    if (fork() == 0) listen_everywhere(atoi(target + 8));
    answer(fd, "listening\n", 10);
  } else if (strcmp(target, "/orphan") == 0) {
    if (fork() == 0) { if (fork() == 0) { usleep(100000); _exit(0); } _exit(0); }
    answer(fd, "left one behind\n", 16);
  } else if (strcmp(target, "/exit") == 0) {
    kill(getppid(), SIGKILL);
  } else if (strcmp(target, "/weights") == 0) {
    int file = open("weights.txt", O_RDONLY);
    ssize_t got = file < 0 ? 0 : read(file, body, sizeof body);
    answer(fd, body, got < 0 ? 0 : (size_t)got);
  } else {
    answer(fd, target, strlen(target));
  }
  /* Who still sends a body would lose the answer to a reset. */
  shutdown(fd, SHUT_WR);
  while (read(fd, request, sizeof request) > 0) {}
  close(fd);
}

int main(void) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  signal(SIGHUP, on_hup);
  const char *path = getenv("MIFENG_SOCKET");
  if (path == NULL) return 2;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 64) != 0) return 1;
  if (access("/mifeng/model/listen", F_OK) == 0 && fork() == 0) listen_everywhere(9099);
  fprintf(stderr, "probe: serving\n");
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    if (fork() == 0) { close(listener); serve(fd); _exit(0); }
    close(fd);
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
  }
}
