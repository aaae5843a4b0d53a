"""Settings of the section `align.backbone`: the language model, and how much of it is tuned."""

from dataclasses import dataclass

from recx.settings.accepted_values import NUMBER_FORMATS, require


@dataclass(frozen=True)
class BackboneSettings:
    """Which language model is aligned, and how much of it is tuned.

    Attributes:
        name: a name shown by `recx backbone list`, a hub id or a folder.
        revision: branch, tag or commit of a hub id; empty for the main branch.
        lora_rank: rank of the LoRA adapters on all linear layers; 0 tunes all weights, or none if `frozen`.
        lora_alpha: scale of the LoRA adapters.
        frozen: tune the projectors alone and leave the backbone as it is; there are no LoRA adapters then.
        dtype: number format of the frozen weights (adapters are always float32): bfloat16, float16, float32, or auto
            (bfloat16 if the hardware supports it natively, float16 on other GPUs, otherwise float32).
        quantize: `nf4` stores the frozen matrices in four bits (QLoRA, Dettmers et al. 2023, arXiv 2305.14314; requires
            the package bitsandbytes); empty disables quantisation.
    """

    name: str = "recx-tiny"
    revision: str = ""
    lora_rank: int = 0
    lora_alpha: int = 16
    frozen: bool = False
    dtype: str = "auto"
    quantize: str = ""

    def __post_init__(self) -> None:
        accepted = f"one of {', '.join(NUMBER_FORMATS)}"
        require(self.dtype in NUMBER_FORMATS, "align.backbone.dtype", accepted, self.dtype)
        require(self.quantize in ("", "nf4"), "align.backbone.quantize", "'nf4' or empty", self.quantize)
        require(self.lora_rank >= 0, "align.backbone.lora_rank", "0 or more", self.lora_rank)
        require(self.lora_alpha > 0, "align.backbone.lora_alpha", "above 0", self.lora_alpha)
        none = "0 with align.backbone.frozen=true"
        require(not (self.frozen and self.lora_rank), "align.backbone.lora_rank", none, self.lora_rank)
        tuned = "without adapters (align.backbone.lora_rank=0), where every weight is tuned"
        exact = not self.tunes_all or self.dtype in ("auto", "float32")
        require(exact, "align.backbone.dtype", f"'auto' or 'float32' {tuned}", self.dtype)
        require(not (self.tunes_all and self.quantize), "align.backbone.quantize", f"empty {tuned}", self.quantize)

    @property
    def tunes_all(self) -> bool:
        """Whether every weight of the backbone is tuned, instead of adapters or projectors beside frozen weights."""
        return not (self.frozen or self.lora_rank)
