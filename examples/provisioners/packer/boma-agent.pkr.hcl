# Bakes the agent into the image that a source of yours makes:
#
#   packer build -var package=boma-agent_0.1.0_amd64.deb -var join=/var/lib/boma-master/master/join .
#
# Put a source in the place of this one, for example `source "qemu" "image"`, and name it in `sources` below. This one
# reaches a machine that runs already, and leaves what becomes of its disk to you.

variable "package" {
  type        = string
  description = "The agent's package, for the architecture of the image."
}

variable "join" {
  type        = string
  description = "The master's file `join`: who it is, and nothing secret."
}

variable "host" {
  type    = string
  default = "127.0.0.1"
}

variable "user" {
  type    = string
  default = "root"
}

variable "key" {
  type    = string
  default = "~/.ssh/id_ed25519"
}

source "null" "image" {
  communicator         = "ssh"
  ssh_host             = var.host
  ssh_username         = var.user
  ssh_private_key_file = var.key
}

build {
  sources = ["source.null.image"]

  provisioner "shell" {
    inline = ["mkdir -p /var/tmp/boma"]
  }

  provisioner "file" {
    source      = var.package
    destination = "/var/tmp/boma/boma-agent.deb"
  }

  provisioner "file" {
    source      = var.join
    destination = "/var/tmp/boma/join"
  }

  provisioner "file" {
    source      = "${path.root}/../bake-agent.sh"
    destination = "/var/tmp/boma/bake-agent.sh"
  }

  # As root, by itself or by sudo. It is the last one: what comes after it might make an identity again.
  provisioner "shell" {
    inline = [
      "cd /var/tmp/boma",
      "$([ $(id -u) = 0 ] || echo sudo) sh ./bake-agent.sh ./boma-agent.deb ./join",
      "cd / && rm -r /var/tmp/boma",
    ]
  }
}
