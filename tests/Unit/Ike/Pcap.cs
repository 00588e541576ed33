using System.Buffers.Binary;
using System.Net;

namespace Gateway.Unit.Ike;

/// <summary>A UDP datagram of a capture.</summary>
internal sealed record CapturedDatagram(int Frame, IPEndPoint Source, IPEndPoint Destination, byte[] Payload);

/// <summary>Reads captures in the classic and the new (pcapng) format; frames that are no whole UDP datagrams are passed over.</summary>
internal static class Pcap
{
    private const int LinkNull = 0;
    private const int LinkEthernet = 1;
    private const int LinkRawIp = 101;
    private const int LinkLinuxSll = 113;
    private const int LinkLinuxSll2 = 276;

    public static IReadOnlyList<CapturedDatagram> Datagrams(string path)
    {
        var found = new List<CapturedDatagram>();
        var number = 0;
        foreach (var (link, frame) in Frames(File.ReadAllBytes(path)))
        {
            number++;
            if (TryNetworkLayer(link, frame, out var packet) && TryUdp(packet, out var source, out var destination, out var payload))
                found.Add(new CapturedDatagram(number, source, destination, payload));
        }

        return found;
    }

    /// <summary>Every frame with the number of its link type.</summary>
    public static IEnumerable<(int Link, byte[] Frame)> Frames(byte[] file) => BinaryPrimitives.ReadUInt32LittleEndian(file) switch
    {
        0xa1b2c3d4 => Classic(file, little: true),
        0xa1b23c4d => Classic(file, little: true),
        0xd4c3b2a1 => Classic(file, little: false),
        0x0a0d0d0a => Blocks(file),
        var magic => throw new InvalidDataException($"{magic:x8} begins no capture file."),
    };

    private static IEnumerable<(int Link, byte[] Frame)> Classic(byte[] file, bool little)
    {
        // The upper half of the link type word holds the length of the frame check sequence.
        var link = (int)(Word(file, 20, little) & 0xffff);
        for (var at = 24; at + 16 <= file.Length;)
        {
            var length = (int)Word(file, at + 8, little);
            at += 16;
            if (length < 0 || at + length > file.Length) yield break;
            yield return (link, file[at..(at + length)]);
            at += length;
        }
    }

    private static IEnumerable<(int Link, byte[] Frame)> Blocks(byte[] file)
    {
        var links = new List<int>();
        for (var at = 0; at + 12 <= file.Length;)
        {
            var type = Word(file, at, little: true);
            var length = (int)Word(file, at + 4, little: true);
            if (length < 12 || at + length > file.Length) yield break;
            if (type == 1) links.Add(BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at + 8)));
            if (type == 6)
            {
                var captured = (int)Word(file, at + 20, little: true);
                var link = links[(int)Word(file, at + 8, little: true)];
                yield return (link, file[(at + 28)..(at + 28 + captured)]);
            }

            at += length;
        }
    }

    private static uint Word(byte[] file, int at, bool little) => little
        ? BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at))
        : BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at));

    private static bool TryNetworkLayer(int link, byte[] frame, out ReadOnlySpan<byte> packet)
    {
        var headerLength = link switch
        {
            LinkNull => 4,
            LinkEthernet => frame.Length > 17 && frame[12] == 0x81 && frame[13] == 0x00 ? 18 : 14,
            LinkRawIp => 0,
            LinkLinuxSll => 16,
            LinkLinuxSll2 => 20,
            _ => throw new InvalidDataException($"Link type {link} is not known here."),
        };
        packet = frame.Length > headerLength ? frame.AsSpan(headerLength) : default;
        return !packet.IsEmpty;
    }

    private static bool TryUdp(ReadOnlySpan<byte> packet, out IPEndPoint source, out IPEndPoint destination, out byte[] payload)
    {
        (source, destination, payload) = (null!, null!, []);
        IPAddress from, to;
        int protocol;
        if (packet[0] >> 4 == 4 && packet.Length >= 20)
        {
            var headerLength = (packet[0] & 0xf) * 4;
            var total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
            // A later fragment has no UDP header.
            if ((BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x1fff) != 0 || headerLength < 20) return false;
            (protocol, from, to) = (packet[9], new IPAddress(packet[12..16]), new IPAddress(packet[16..20]));
            packet = packet[..Math.Min(packet.Length, Math.Max((int)total, headerLength))];
            if (packet.Length < headerLength) return false;
            packet = packet[headerLength..];
        }
        else if (packet[0] >> 4 == 6 && packet.Length >= 40)
        {
            (protocol, from, to) = (packet[6], new IPAddress(packet[8..24]), new IPAddress(packet[24..40]));
            packet = packet[40..];
        }
        else
        {
            return false;
        }

        if (protocol != 17 || packet.Length < 8) return false;
        source = new IPEndPoint(from, BinaryPrimitives.ReadUInt16BigEndian(packet));
        destination = new IPEndPoint(to, BinaryPrimitives.ReadUInt16BigEndian(packet[2..]));
        var length = Math.Clamp((int)BinaryPrimitives.ReadUInt16BigEndian(packet[4..]), 8, packet.Length);
        payload = packet[8..length].ToArray();
        return true;
    }
}
