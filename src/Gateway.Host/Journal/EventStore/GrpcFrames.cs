using System.Buffers.Binary;
using Google.Protobuf;

namespace Gateway.Host.Journal.EventStore;

/// <summary>
/// gRPC's framing of messages over HTTP/2: one octet 0 (not compressed), the length in four octets, big-endian, the message.
/// </summary>
internal static class GrpcFrames
{
    /// <summary>Octets before each message.</summary>
    public const int HeaderLength = 5;

    /// <summary>Longest message that is read. The store keeps events of up to 16 MiB.</summary>
    public const int MaxMessage = 17 * 1024 * 1024;

    public static byte[] Write(params ReadOnlySpan<IMessage> messages)
    {
        var total = 0;
        foreach (var message in messages) total += HeaderLength + message.CalculateSize();
        var bytes = new byte[total];
        var at = 0;
        foreach (var message in messages)
        {
            var length = message.CalculateSize();
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at + 1), length);
            message.WriteTo(bytes.AsSpan(at + HeaderLength, length));
            at += HeaderLength + length;
        }

        return bytes;
    }

    /// <summary>The next message; null at the end of the body.</summary>
    /// <exception cref="InvalidDataException">Not gRPC, compressed, or too long.</exception>
    /// <exception cref="EndOfStreamException">The body ends within a message.</exception>
    public static async ValueTask<byte[]?> ReadAsync(Stream body, CancellationToken stop)
    {
        var header = new byte[HeaderLength];
        var got = await body.ReadAtLeastAsync(header, HeaderLength, throwOnEndOfStream: false, stop).ConfigureAwait(false);
        if (got == 0) return null;
        if (got < HeaderLength) throw new EndOfStreamException();
        if (header[0] != 0) throw new InvalidDataException("The answer is compressed, which was not asked for.");
        var length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1));
        if (length > MaxMessage) throw new InvalidDataException($"A message of {length} octets is longer than one may be.");
        var message = new byte[length];
        await body.ReadExactlyAsync(message, stop).ConfigureAwait(false);
        return message;
    }
}
