// The pod template is made in libs/manifest from a deployment config; engines know it under these names.
#pragma once

#include "mifeng/manifest/pod_template.h"

namespace mifeng::cluster {

using manifest::ClaimMount;
using manifest::ContainerPort;
using manifest::ContainerTemplate;
using manifest::EnvVar;
using manifest::MemoryMount;
using manifest::PodTemplate;
using manifest::PullPolicy;
using manifest::ScratchMount;
using manifest::SharedFolder;
using Resources = manifest::PodResources;

}  // namespace mifeng::cluster
