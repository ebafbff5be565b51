// Between an engine and Podman's service: tells which calls there were.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mifeng/os/file.h"

namespace mifeng::cluster {

class ServiceProxy {
 public:
  ServiceProxy(const std::filesystem::path& socket, const std::filesystem::path& service)
      : service_(service), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::filesystem::remove(socket);
    const sockaddr_un address = address_of(socket);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    EXPECT_EQ(::pipe2(end_, O_CLOEXEC), 0);
    threads_.emplace_back([this] { accept_all(); });
  }
  ~ServiceProxy() {
    ::close(end_[1]);
    threads_.front().join();
    for (std::size_t i = 1; i < threads_.size(); ++i) threads_[i].join();
    ::close(end_[0]);
  }
  // "GET /v4.0.0/libpod/..."
  void wait_for_call() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return !calls_.empty(); });
  }
  std::string take_call() {
    const std::lock_guard guard(mutex_);
    if (calls_.empty()) return "";
    std::string call = std::move(calls_.front());
    calls_.pop_front();
    return call;
  }

 private:
  static sockaddr_un address_of(const std::filesystem::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }

  void accept_all() {
    for (;;) {
      pollfd waits[2] = {{listener_.get(), POLLIN, 0}, {end_[0], POLLIN, 0}};
      if (::poll(waits, 2, -1) < 0) continue;
      if (waits[1].revents != 0) return;
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      UniqueFd service(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_un address = address_of(service_);
      if (::connect(service.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
      threads_.emplace_back(
          [this, client = std::move(client), service = std::move(service)] { carry(client.get(), service.get()); });
    }
  }

  void carry(int client, int service) {
    bool is_first = true;
    for (;;) {
      pollfd waits[3] = {{client, POLLIN, 0}, {service, POLLIN, 0}, {end_[0], POLLIN, 0}};
      if (::poll(waits, 3, -1) < 0) continue;
      if (waits[2].revents != 0) return;
      for (int side = 0; side < 2; ++side) {
        if (waits[side].revents == 0) continue;
        char bytes[65536];
        const ssize_t size = ::read(side == 0 ? client : service, bytes, sizeof bytes);
        if (size <= 0) return;
        if (side == 0 && is_first) note(std::string(bytes, static_cast<std::size_t>(size)));
        if (side == 0) is_first = false;  // a connection a request
        if (::send(side == 0 ? service : client, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL) < 0) return;
      }
    }
  }

  void note(const std::string& request) {
    const std::lock_guard guard(mutex_);
    calls_.push_back(request.substr(0, request.find(" HTTP/")));
    changed_.notify_all();
  }

  const std::filesystem::path service_;
  UniqueFd listener_;
  int end_[2] = {-1, -1};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> calls_;
  std::vector<std::thread> threads_;  // the first makes the others
};

}  // namespace mifeng::cluster
