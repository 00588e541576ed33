using Gateway.Host.Journal.EventStore.Contract;
using Google.Protobuf;
using Recorded = Gateway.Host.Journal.EventStore.Contract.ReadResp.Types.ReadEvent.Types.RecordedEvent;

namespace Gateway.Unit.Journal.EventStore.Endpoint;

/// <summary>Between the contract's messages and the endpoint's events.</summary>
internal static class Kept
{
    public static KeptEvent Of(UUID id, IDictionary<string, string> metadata, ByteString custom, ByteString data) => new(
        "", 0, 0, Text(id), metadata.TryGetValue("type", out var type) ? type : throw new InvalidDataException("No type."), metadata.TryGetValue("content-type", out var content) ? content : "",
        custom.ToByteArray(), data.ToByteArray(), default);

    public static ReadResp Answer(KeptEvent e, bool structured)
    {
        var recorded = new Recorded
        {
            Id = structured ? Structured(e.Id) : new UUID { String = e.Id },
            StreamIdentifier = new StreamIdentifier { StreamName = ByteString.CopyFromUtf8(e.Stream) },
            StreamRevision = (ulong)e.Revision,
            CommitPosition = e.Position,
            PreparePosition = e.Position,
            CustomMetadata = ByteString.CopyFrom(e.Metadata),
            Data = ByteString.CopyFrom(e.Data),
        };
        recorded.Metadata.Add("type", e.Type);
        recorded.Metadata.Add("content-type", e.ContentType);
        recorded.Metadata.Add("created", $"{(e.Created - DateTimeOffset.UnixEpoch).Ticks}");
        return new ReadResp { Event = new ReadResp.Types.ReadEvent { Event = recorded, CommitPosition = e.Position } };
    }

    public static string Text(UUID id)
    {
        if (id.ValueCase == UUID.ValueOneofCase.String) return Guid.Parse(id.String).ToString();
        Span<byte> bytes = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes, id.Structured.MostSignificantBits);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes[8..], id.Structured.LeastSignificantBits);
        return new Guid(bytes, bigEndian: true).ToString();
    }

    private static UUID Structured(string id)
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.Parse(id).TryWriteBytes(bytes, bigEndian: true, out _);
        return new UUID
        {
            Structured = new UUID.Types.Structured
            {
                MostSignificantBits = System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes),
                LeastSignificantBits = System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes[8..]),
            },
        };
    }
}
