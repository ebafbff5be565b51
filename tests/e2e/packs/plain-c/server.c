/* The least that a served model does: HTTP on the Unix socket MIFENG_SOCKET, one call after the other. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

char* ENTRY(const char* request, int count, char** arguments);

static void leave(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static void answer(int client, int count, char** arguments) {
  static char text[1 << 16];
  size_t got = 0, wanted = 0;
  char* body = NULL;
  while (got < sizeof text - 1) {
    ssize_t more = read(client, text + got, sizeof text - 1 - got);
    if (more <= 0) return;
    got += (size_t)more;
    text[got] = '\0';
    body = strstr(text, "\r\n\r\n");
    if (body == NULL) continue;
    body += 4;
    const char* length = strcasestr(text, "\r\ncontent-length:");
    wanted = length == NULL || length > body ? 0 : strtoul(length + 17, NULL, 10);
    if (got - (size_t)(body - text) >= wanted) break;
  }
  if (body == NULL) return;
  char* result = strncmp(text, "POST ", 5) == 0 ? ENTRY(body, count, arguments) : strdup("{\"ready\": true}");
  dprintf(client, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
          strlen(result), result);
  free(result);
}

int main(int count, char** arguments) {
  struct rlimit none = {0, 0};
  prctl(PR_SET_DUMPABLE, 0);
  setrlimit(RLIMIT_CORE, &none);
  signal(SIGTERM, leave);
  signal(SIGPIPE, SIG_IGN);
  const char* path = getenv("MIFENG_SOCKET");
  // A process for each further port; it tells which in SERVES.
  for (char** entry = environ; *entry != NULL; entry++) {
    if (strncmp(*entry, "MIFENG_SOCKET_", 14) != 0) continue;
    const char* further = strdup(*entry + 14);
    if (fork() != 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    path = strchr(further, '=') + 1;
    setenv("SERVES", strndup(further, (size_t)(path - 1 - further)), 1);
    break;
  }
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path == NULL || strlen(path) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
    perror("listen");
    return 3;
  }
  for (;;) {
    int client = accept(fd, NULL, NULL);
    if (client < 0) continue;
    answer(client, count, arguments);
    close(client);
  }
}
