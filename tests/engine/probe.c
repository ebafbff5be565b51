/* What runs in the containers of the engine's tests: does one thing, named by its first argument. Static, so that an
   otherwise empty image holds it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void leave(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
    perror("listen");
    exit(3);
  }
  return fd;
}

static void answer_all(int fd, const char* status, const char* body) {
  for (;;) {
    int client = accept(fd, NULL, NULL);
    char request[2048], reply[4096];
    if (client < 0) continue;
    if (read(client, request, sizeof request) >= 0) {
      /* That it lives it says also where it is not ready. */
      const char* said = strncmp(request, "GET /live ", 10) == 0 ? "200 OK" : status;
      int size = snprintf(reply, sizeof reply, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          said, strlen(body), body);
      if (write(client, reply, (size_t)size) < 0) perror("write");
    }
    close(client);
  }
}

/* Whether this process can write there: "writable", "closed", or "missing". */
static const char* folder(const char* path) {
  char name[256];
  struct stat facts;
  snprintf(name, sizeof name, "%s/written", path);
  if (*path != 0 && stat(path, &facts) != 0) return "missing";
  return open(name, O_CREAT | O_WRONLY, 0600) >= 0 ? "writable" : "closed";
}

/* The names of its network interfaces, sorted as the kernel's are not. */
static const char* interfaces(void) {
  static char list[256];
  char line[512], name[64];
  int lo = 0;
  FILE* file = fopen("/proc/net/dev", "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strchr(line, ':') == NULL || sscanf(line, " %63[^:]", name) != 1) continue;
    if (strcmp(name, "lo") == 0) {
      lo = 1;
    } else {
      strncat(list, name, 64);
      strcat(list, ",");
    }
  }
  if (file != NULL) fclose(file);
  if (lo) strcat(list, "lo");
  return list;
}

/* One line of what this process may do, for the test to compare. */
static const char* describe(void) {
  static char text[2048];
  struct rlimit core, files;
  char line[256], caps[64] = "", privileges[16] = "", bounding[64] = "";
  FILE* status = fopen("/proc/self/status", "r");
  getrlimit(RLIMIT_CORE, &core);
  getrlimit(RLIMIT_NOFILE, &files);
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    sscanf(line, "CapEff: %63s", caps);
    sscanf(line, "CapBnd: %63s", bounding);
    sscanf(line, "NoNewPrivs: %15s", privileges);
  }
  if (status != NULL) fclose(status);
  snprintf(text, sizeof text,
           "uid=%d gid=%d caps=%s bounding=%s nnp=%s core=%ld root=%s app=%s run=%s guard=%s model=%s cache=%s "
           "platform=%s start=%s network=%s lang=%s unit=%s\n",
           (int)getuid(), (int)getgid(), caps, bounding, privileges, (long)core.rlim_cur, folder(""), folder("/app"),
           folder("/mifeng/run"), folder("/mifeng/guard"), folder("/mifeng/model"), folder("/cache"),
           folder("/mifeng/platform"), folder("/mifeng/start"), interfaces(), getenv("LANG"),
           getenv("MIFENG_UNIT") != NULL ? getenv("MIFENG_UNIT") : "none");
  return text;
}

static int connect_platform(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/mifeng/platform/platform.sock"};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  while (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) usleep(20000);
  return fd;
}

int main(int count, char** arguments) {
  const char* what = count > 1 ? arguments[1] : "";
  signal(SIGTERM, leave);
  if (strcmp(what, "stubborn") == 0) { /* serves, and goes only when it is killed */
    signal(SIGTERM, SIG_IGN);
    what = "serve";
  }
  if (strcmp(what, "serve") == 0) {
    const char* status = count > 2 ? arguments[2] : "200 OK";
    const char* body = describe();
    int health = listen_on(15020), port = listen_on(8080);
    printf("serving\n");
    fflush(stdout);
    if (fork() == 0) answer_all(health, status, "");
    answer_all(port, "200 OK", body);
  }
  if (strcmp(what, "exit") == 0) {
    printf("going\n");
    fflush(stdout);
    fprintf(stderr, "%s\n", arguments[3]);
    return atoi(arguments[2]);
  }
  if (strcmp(what, "eat") == 0) {
    for (;;) memset(malloc(1 << 20), 1, 1 << 20);
  }
  if (strcmp(what, "lines") == 0) {
    for (int i = 0; i < atoi(arguments[2]); i++) printf("line %d\n", i);
    fflush(stdout);
    for (;;) pause();
  }
  if (strcmp(what, "ticks") == 0) {
    for (int i = 0;; i++) {
      printf("tick %d\n", i);
      fflush(stdout);
      usleep(200000);
    }
  }
  if (strcmp(what, "describe") == 0) {
    fputs(describe(), stdout);
    fflush(stdout);
    for (;;) pause();
  }
  if (strcmp(what, "fill") == 0) { /* writes a file until there is no room left */
    static char block[65536];
    int fd = open(arguments[2], O_CREAT | O_EXCL | O_WRONLY, 0600);
    long long written = 0;
    ssize_t done;
    const char* age = fd >= 0 ? "new" : strerror(errno);
    while (fd >= 0 && (done = write(fd, block, sizeof block)) > 0) written += done;
    printf("%s, %lld bytes, then: %s\n", age, written, strerror(errno));
    fflush(stdout);
    for (;;) pause();
  }
  if (strcmp(what, "hang") == 0) {
    for (;;) pause();
  }
  if (strcmp(what, "ask") == 0) { /* the first process and a child of it each connect to the platform */
    int mine = connect_platform();
    if (fork() == 0) {
      int others = connect_platform();
      if (write(others, "child", 5) < 0) perror("write");
      for (;;) pause();
    }
    if (write(mine, "first", 5) < 0) perror("write");
    for (;;) pause();
  }
  fprintf(stderr, "no such thing: %s\n", what);
  return 9;
}
