// One test program, one Podman and one registry: started before the first test, whatever file it is in.
#include "podman_fixture.h"

namespace mifeng::cluster {

Machine* const machine = static_cast<Machine*>(::testing::AddGlobalTestEnvironment(new Machine));

}  // namespace mifeng::cluster
