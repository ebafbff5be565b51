// Between an engine and an API server: an HTTP proxy for tunnels, which cuts them, slows them down, or lets nothing
// through.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "mifeng/os/file.h"

namespace mifeng::cluster {

class Tunnel {
 public:
  // `address`: where every tunnel goes, whatever it is asked for.
  Tunnel(const std::string& address, std::uint16_t port) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    server_.sin_family = AF_INET;
    server_.sin_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &server_.sin_addr), 1) << address;
    sockaddr_in mine{};
    mine.sin_family = AF_INET;
    mine.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof mine;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&mine), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&mine), &size), 0);
    port_ = ntohs(mine.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
  }
  ~Tunnel() {
    over_ = true;
    accepting_.join();
    for (auto& one : carrying_) one.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Every connection there is breaks off, in the middle of whatever it carries.
  void cut() { ++cuts_; }
  // Before each piece of an answer.
  void delay(std::chrono::milliseconds pause) { pause_ms_ = pause.count(); }
  // Connections stay, and nothing more comes through them.
  void stall(bool stalled) { stalled_ = stalled; }

 private:
  void accept_all() {
    while (!over_) {
      pollfd wait{listener_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() >= 0) carrying_.emplace_back([this, held = std::move(client)] { carry(held.get()); });
    }
  }

  static bool answer_connect(int client) {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      char byte = 0;
      if (::read(client, &byte, 1) <= 0) return false;
      request += byte;
    }
    static constexpr std::string_view kOpen = "HTTP/1.1 200 OK\r\n\r\n";
    return request.starts_with("CONNECT ") && ::send(client, kOpen.data(), kOpen.size(), MSG_NOSIGNAL) > 0;
  }

  void carry(int client) {
    const int cuts = cuts_;
    if (!answer_connect(client)) return;
    UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&server_), sizeof server_) != 0) return;
    while (!over_ && cuts == cuts_) {
      if (stalled_) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        continue;
      }
      pollfd waits[2] = {{client, POLLIN, 0}, {server.get(), POLLIN, 0}};
      if (::poll(waits, 2, 20) <= 0) continue;
      for (int side = 0; side < 2; ++side) {
        if (waits[side].revents == 0) continue;
        char bytes[16384];
        const ssize_t size = ::read(side == 0 ? client : server.get(), bytes, sizeof bytes);
        if (size <= 0) return;
        if (side == 1) std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms_));
        if (!send_all(side == 0 ? server.get() : client, bytes, static_cast<std::size_t>(size))) return;
      }
    }
  }

  static bool send_all(int socket, const char* bytes, std::size_t size) {
    while (size > 0) {
      const ssize_t sent = ::send(socket, bytes, size, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes += sent;
      size -= static_cast<std::size_t>(sent);
    }
    return true;
  }

  sockaddr_in server_{};
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_{false}, stalled_{false};
  std::atomic<int> cuts_{0};
  std::atomic<std::int64_t> pause_ms_{0};
  std::list<std::thread> carrying_;  // the accepting thread's, until it has ended
  std::thread accepting_;
};

}  // namespace mifeng::cluster
