// Images that nothing names any more.
#pragma once

#include "mifeng/base/result.h"

namespace mifeng::deployments {

struct Context;

// Deletes from the registry what no version and no deployment names, then from the library, then lets the engine remove
// its own copies. Does nothing while a package is being stored: its image may be on its way. Gives the number of images
// deleted. Layers that other images share stay; the registry gives back the room of the others when it collects
// garbage.
Result<int> prune_images(const Context& context);

}  // namespace mifeng::deployments
