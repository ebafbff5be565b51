// Who may try a password now.
#pragma once

#include <mutex>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/base/recent.h"
#include "mifeng/base/result.h"

namespace mifeng::people {

// Wrong passwords are counted by where they come from and by the name that they were for, so that a stranger's hold up
// nobody else; and it makes no difference whether there is such a person. After five in a row from one place for one
// name the next one has to wait, 15 s at first and each time twice as long, 15 minutes at most.
//
// Places that try many names, and names that are tried from many places, have a budget beside that, which fills again
// with time. It is not for who has signed in from that place before: that is how one who works behind the same address
// as a guesser, or whose name is guessed from everywhere, still gets in.
class SignInLimits {
 public:
  // One more attempt, counted as wrong until right() or undo(), so that many at once are counted too.
  // kResourceExhausted "too-many-sign-ins" where it has to wait: then nothing was counted.
  Result<void> begin(const std::string& place, const std::string& name, UnixMillis now_ms);
  void right(const std::string& place, const std::string& name);
  void undo(const std::string& place, const std::string& name);  // it was not our caller's fault
  // An administrator has given the person another password.
  void forget(const std::string& name);

  // The place of somebody who is signed in and proves himself again, apart from all that come from outside.
  static constexpr const char* kSignedIn = "signed in";

 private:
  struct Tries {
    int wrong = 0;
    UnixMillis not_before_ms = 0;
    bool has_been_right = false;
    bool charged = false;  // the last one took from the budgets
    int epoch = 0;
  };
  struct Budget {
    double left = -1;  // begins full
    UnixMillis since_ms = 0;
  };
  static constexpr std::size_t kPairsMax = 20'000;
  static constexpr std::size_t kBudgetsMax = 10'000;

  // nullptr: none is remembered.
  Tries* find(const std::string& place, const std::string& name);
  void give_back(const std::string& place, const std::string& name);

  std::mutex mutex_;
  Recent<Tries> pairs_{kPairsMax};  // by place and name
  Recent<Budget> places_{kBudgetsMax};
  Recent<Budget> names_{kBudgetsMax};
  Recent<int> epochs_{kBudgetsMax};  // of a name: how often it was forgotten
};

}  // namespace mifeng::people
