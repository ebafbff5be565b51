/* A model that turns on its guard. A request names what it tries and on what, with a space between; the answer is the
   name of the error, or "done". */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static const char* outcome(long result) { return result >= 0 ? "done" : strerrorname_np(errno); }

static const char* write_file(const char* path) {
  int fd = open(path, O_CREAT | O_WRONLY, 0666);
  const char* how = outcome(fd < 0 ? fd : write(fd, "x", 1));
  if (fd >= 0) close(fd);
  return how;
}

static const char* read_file(const char* path) {
  char byte;
  int fd = open(path, O_RDONLY);
  const char* how = outcome(fd < 0 ? fd : read(fd, &byte, 1));
  if (fd >= 0) close(fd);
  return how;
}

static const char* reach_socket(const char* path, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, type, 0);
  const char* how = outcome(fd < 0 ? fd : connect(fd, (struct sockaddr*)&address, sizeof address));
  if (fd >= 0) close(fd);
  return how;
}

/* "ADDRESS PORT" */
static const char* reach_address(char* what, int type) {
  char* port = strchr(what, ' ');
  if (port == NULL) return "EINVAL";
  *port++ = '\0';
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  inet_pton(AF_INET, what, &address.sin_addr);
  struct timeval patience = {.tv_sec = 2};
  int fd = socket(AF_INET, type, 0);
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const char* how = outcome(fd < 0 ? fd : connect(fd, (struct sockaddr*)&address, sizeof address));
  if (fd >= 0 && type == SOCK_DGRAM && strcmp(how, "done") == 0) how = outcome(send(fd, "x", 1, 0));
  if (fd >= 0) close(fd);
  return how;
}

/* Answers in clear to whoever comes, for as long as this process lives. */
static const char* serve(int port, int type) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  int fd = socket(AF_INET, type, 0);
  int bound = fd < 0 ? fd : bind(fd, (struct sockaddr*)&address, sizeof address);
  if (bound == 0 && type == SOCK_STREAM) bound = listen(fd, 16);
  if (bound == 0 && fork() == 0) {
    for (;;) {
      char text[2048];
      if (type == SOCK_DGRAM) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        if (recvfrom(fd, text, sizeof text, 0, (struct sockaddr*)&peer, &size) >= 0)
          sendto(fd, "in clear", 8, 0, (struct sockaddr*)&peer, size);
        continue;
      }
      int client = accept(fd, NULL, NULL);
      if (client >= 0 && read(client, text, sizeof text) >= 0 && write(client, "in clear", 8) < 0) _exit(1);
      if (client >= 0) close(client);
    }
  }
  return outcome(bound);
}

static char* processes(void) {
  char* list = strdup("");
  DIR* proc = opendir("/proc");
  for (struct dirent* entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
    char path[300], name[64] = "";
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
    FILE* file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%63s", name) != 1) strcpy(name, "?");
    if (file != NULL) fclose(file);
    char* longer = NULL;
    if (asprintf(&longer, "%s%s ", list, name) > 0) list = longer;
  }
  if (proc != NULL) closedir(proc);
  return list;
}

/* Its log gets these bytes, which are given in hex, and a line feed. */
static const char* say(const char* hex) {
  unsigned byte = 0;
  for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) fputc((int)byte, stdout);
  fputc('\n', stdout);
  return outcome(fflush(stdout));
}

char* hostile(const char* request, int count, char** arguments) {
  (void)count;
  (void)arguments;
  char word[32] = "", rest[256] = "", *text = NULL;
  const char* how = "EINVAL";
  sscanf(request, "\"%31[^ \"] %255[^\"]\"", word, rest);
  if (strcmp(word, "write") == 0) how = write_file(rest);
  if (strcmp(word, "read") == 0) how = read_file(rest);
  if (strcmp(word, "remove") == 0) how = outcome(unlink(rest));
  if (strcmp(word, "stream") == 0) how = reach_socket(rest, SOCK_STREAM);
  if (strcmp(word, "packets") == 0) how = reach_socket(rest, SOCK_SEQPACKET);
  if (strcmp(word, "tcp") == 0) how = reach_address(rest, SOCK_STREAM);
  if (strcmp(word, "udp") == 0) how = reach_address(rest, SOCK_DGRAM);
  if (strcmp(word, "serve-tcp") == 0) how = serve(atoi(rest), SOCK_STREAM);
  if (strcmp(word, "serve-udp") == 0) how = serve(atoi(rest), SOCK_DGRAM);
  if (strcmp(word, "signal") == 0) how = outcome(kill(1, atoi(rest)));
  if (strcmp(word, "user") == 0) how = outcome(setuid((uid_t)atol(rest)));
  if (strcmp(word, "processes") == 0) how = processes();
  if (strcmp(word, "say") == 0) how = say(rest);
  if (asprintf(&text, "\"%s\"", how) < 0) return strdup("\"\"");
  return text;
}
