#include "mifeng/clusters/engine_call.h"

namespace mifeng::clusters {

EngineLoop::EngineLoop() : io_(1), work_(boost::asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}

EngineLoop::~EngineLoop() {
  work_.reset();
  io_.stop();
  thread_.join();
}

}  // namespace mifeng::clusters
