#include "engine_thread.h"

namespace mifeng::platform {

EngineThread::EngineThread(cluster::Engine* engine)
    : engine_(engine), io_(1), work_(boost::asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}

EngineThread::~EngineThread() {
  work_.reset();
  io_.stop();
  thread_.join();
}

}  // namespace mifeng::platform
