/* replay SOCKET REQUEST PART ANSWER: sends the bytes of a file to a Unix socket and writes what comes back to the file PART,
   which is ANSWER once it is complete. For use inside a container that has no shell and no interpreter. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int copy(int from, int to) {
  char buffer[4096];
  ssize_t n;
  while ((n = read(from, buffer, sizeof buffer)) > 0)
    if (write(to, buffer, (size_t)n) != n) return 1;
  return n != 0;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  const int request = open(argv[2], O_RDONLY);
  const int answer = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int platform = socket(AF_UNIX, SOCK_STREAM, 0);
  if (request < 0 || answer < 0 || connect(platform, (struct sockaddr*)&address, sizeof address) != 0) return 3;
  if (copy(request, platform) != 0) return 4;
  if (copy(platform, answer) != 0) return 5;
  return rename(argv[3], argv[4]) != 0 ? 6 : 0;
}
