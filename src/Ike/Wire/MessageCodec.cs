using System.Runtime.InteropServices;
using Gateway.Ike.Payloads;
using Gateway.Policy;

namespace Gateway.Ike.Wire;

/// <summary>Turns datagrams (without the non-ESP marker) into messages and back. Lengths are checked first, meaning second.</summary>
public static class MessageCodec
{
    /// <summary>The most payloads taken from one message; certificate chains and many proposals stay far below.</summary>
    public const int MaxPayloads = 64;

    /// <summary>
    /// Parses a message and holds it to <see cref="PayloadRules"/>. An encrypted payload stays closed; <c>SkProtection</c> opens it.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> datagram, out Message message, out WireError error)
    {
        message = null!;
        if (!IkeHeader.TryParse(datagram, out var header, out var first, out error)) return false;
        if (!TryParsePayloads(first, datagram[IkeHeader.Size..], out var payloads, out error)) return false;
        message = new Message(header, payloads);
        return PayloadRules.TryCheckOuter(message, out error);
    }

    /// <summary>Parses a chain of payloads: a message's body or an opened encrypted payload.</summary>
    public static bool TryParsePayloads(PayloadType first, ReadOnlySpan<byte> body, out ValueList<Payload> payloads, out WireError error)
    {
        payloads = default;
        if (!TryCheckLengths(first, body, out error)) return false;

        var found = new List<Payload>(8);
        var reader = new IkeReader(body);
        for (var type = first; type != PayloadType.None;)
        {
            var header = GenericHeader.Read(ref reader, out var content);
            if (!Payload.TryParse(type, header, content, out var payload, out error)) return false;
            found.Add(payload);
            type = Payload.EndsChain(type) ? PayloadType.None : header.Next;
        }
        payloads = ValueList.Create<Payload>(CollectionsMarshal.AsSpan(found));
        error = WireError.None;
        return true;
    }

    /// <summary>Writes a message whose payloads need no protection, or already carry it.</summary>
    public static byte[] Encode(Message message)
    {
        var writer = new IkeWriter(512);
        try
        {
            message.Header.Write(ref writer, Payload.FirstType(message.Payloads));
            WritePayloads(ref writer, message.Payloads);
            writer.PatchUInt32(24, (uint)writer.Length);
            return writer.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    internal static void WritePayloads(ref IkeWriter writer, ValueList<Payload> payloads)
    {
        for (var i = 0; i < payloads.Count; i++)
        {
            var payload = payloads[i];
            var start = writer.Length;
            GenericHeader.Write(ref writer, Next(payloads, i), payload.Critical);
            payload.WriteBody(ref writer);
            writer.PatchUInt16(start + 2, checked((ushort)(writer.Length - start)));
        }
    }

    private static PayloadType Next(ValueList<Payload> payloads, int index) => payloads[index] switch
    {
        // RFC 7296 §3.14: the encrypted payload is the last one; its next payload field names the first payload inside it.
        EncryptedPayload sk => sk.FirstInner,
        EncryptedFragmentPayload skf => skf.FirstInner,
        _ => index + 1 < payloads.Count ? payloads[index + 1].Type : PayloadType.None,
    };

    // Lengths first: the whole chain must add up before any payload is looked into.
    private static bool TryCheckLengths(PayloadType first, ReadOnlySpan<byte> body, out WireError error)
    {
        var reader = new IkeReader(body);
        var count = 0;
        for (var type = first; type != PayloadType.None;)
        {
            if (++count > MaxPayloads) { error = WireFault.TooManyPayloads; return false; }
            if (!GenericHeader.TryRead(ref reader, out var header)) { error = WireFault.TruncatedPayload; return false; }
            // RFC 7296 §3.14: nothing follows an encrypted payload.
            type = Payload.EndsChain(type) ? PayloadType.None : header.Next;
        }
        error = reader.AtEnd ? WireError.None : WireFault.TrailingOctets;
        return reader.AtEnd;
    }
}
