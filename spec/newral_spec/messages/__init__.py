"""Messages: one frozen type for each thing that an event can say, with a strict codec.

`encode_x(message) -> Draft` and `decode_x(event[, plaintext]) -> message`; decoding expects an
event that `newral_spec.event.verify_event` has passed, and raises `InvalidMessage`.
"""

from newral_spec.messages.announcement import (
    Announcement,
    decode_announcement,
    encode_announcement,
)
from newral_spec.messages.feedback import (
    FINAL_PHASES,
    STATUS_OF_PHASE,
    Feedback,
    Phase,
    decode_feedback,
    encode_feedback,
)
from newral_spec.messages.fields import BlobRef, InvalidMessage
from newral_spec.messages.job import (
    JobRequest,
    command_text,
    decode_job_request,
    encode_job_request,
    parse_credits,
)
from newral_spec.messages.receipt import (
    Checkpoint,
    Receipt,
    Verdict,
    decode_checkpoint,
    decode_receipt,
    encode_checkpoint,
    encode_receipt,
)
from newral_spec.messages.result import JobResult, decode_result, encode_result
from newral_spec.messages.work import (
    Commitment,
    Declined,
    Holding,
    KernelOffer,
    Lease,
    LeaseOffer,
    SealedResults,
    UnitResult,
    WorkRequest,
    commit,
    decode_commitments,
    decode_lease_offer,
    decode_sealed_results,
    decode_work_request,
    encode_lease_offer,
    encode_sealed_results,
    encode_work_request,
    result_sha256,
)
from newral_spec.messages.workflow import Condition, Stage, check_workflow, topological_order

__all__ = [
    "FINAL_PHASES",
    "STATUS_OF_PHASE",
    "Announcement",
    "BlobRef",
    "Checkpoint",
    "Commitment",
    "Condition",
    "Declined",
    "Feedback",
    "Holding",
    "InvalidMessage",
    "JobRequest",
    "JobResult",
    "KernelOffer",
    "Lease",
    "LeaseOffer",
    "Phase",
    "Receipt",
    "SealedResults",
    "Stage",
    "UnitResult",
    "Verdict",
    "WorkRequest",
    "check_workflow",
    "command_text",
    "commit",
    "decode_announcement",
    "decode_checkpoint",
    "decode_commitments",
    "decode_feedback",
    "decode_job_request",
    "decode_lease_offer",
    "decode_receipt",
    "decode_result",
    "decode_sealed_results",
    "decode_work_request",
    "encode_announcement",
    "encode_checkpoint",
    "encode_feedback",
    "encode_job_request",
    "encode_lease_offer",
    "encode_receipt",
    "encode_result",
    "encode_sealed_results",
    "encode_work_request",
    "parse_credits",
    "result_sha256",
    "topological_order",
]
