using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>A payload of a type that we do not know and that was not critical: ignored (RFC 7296 §2.5).</summary>
public sealed record UnknownPayload(PayloadType Number, Octets Content) : Payload
{
    public override PayloadType Type => Number;

    internal override void WriteBody(ref IkeWriter writer) => writer.WriteBytes(Content.Span);
}
