"""`recx backbone`: the backbones that have a short name, and getting one."""

from dataclasses import dataclass
from typing import Annotated

import tyro


@dataclass(frozen=True)
class ListBackbonesCommand:
    """List the backbones that have a short name, with size, licence and whether they are downloaded."""

    def run(self) -> None:
        """Print the backbones."""
        from recx.models.pretrained import describe_backbones

        print("\n".join(describe_backbones()))


@dataclass(frozen=True)
class GetBackboneCommand:
    """Download a pretrained backbone into your cache; no network is needed afterwards."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """A name shown by `recx backbone list`, to be used with --set align.backbone.name=."""

    def run(self) -> None:
        """Get a backbone and print its folder."""
        from recx.models.pretrained import fetch_backbone
        from recx.profiles.resolve import resolve_settings

        print(f"{self.name}: {fetch_backbone(self.name)}")
        # The default profile tunes all weights, at a rate that suits the teaching backbone alone.
        own = resolve_settings("small").align.backbone.name == self.name
        print(f"Next: recx run --profile small{'' if own else f' --set align.backbone.name={self.name}'}")


@dataclass(frozen=True)
class BackboneCommand:
    """List the backbones that have a short name, or download one."""

    action: (
        Annotated[ListBackbonesCommand, tyro.conf.subcommand("list")]
        | Annotated[GetBackboneCommand, tyro.conf.subcommand("get")]
    )

    def run(self) -> None:
        """Do what was asked for."""
        self.action.run()
