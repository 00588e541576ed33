using System.Buffers.Binary;
using System.Net;
using Xunit;

namespace Gateway.Unit.Dataplane.Packets;

/// <summary>A frame that came out, read field by field; checks every checksum on the way.</summary>
internal sealed class Seen
{
    public Seen(byte[] frame)
    {
        Frame = frame;
        To = Build.Text(frame[..6]);
        From = Build.Text(frame[6..12]);
        Type = (ushort)Build.Get16(frame, 12);
        Ip = frame[14..];
        if (Type == 0x0800) Read4();
        else if (Type == 0x86DD) Read6();
    }

    public byte[] Frame { get; }

    /// <summary>MAC addresses, as <see cref="Build.Text"/> writes them.</summary>
    public string To { get; }

    public string From { get; }

    public ushort Type { get; }

    /// <summary>Everything behind the Ethernet header.</summary>
    public byte[] Ip { get; }

    public string Source { get; private set; } = "";

    public string Destination { get; private set; } = "";

    public byte Protocol { get; private set; }

    public byte Ttl { get; private set; }

    public int FragmentWord { get; private set; }

    /// <summary>What the IP header carries.</summary>
    public byte[] Payload { get; private set; } = [];

    public byte IcmpType => Payload[0];

    public byte IcmpCode => Payload[1];

    public uint IcmpField => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(4));

    private void Read4()
    {
        var header = (Ip[0] & 15) * 4;
        Assert.Equal(Ip.Length, Build.Get16(Ip, 2));
        Assert.Equal(0, SlowChecksum.Of(Ip.AsSpan(0, header)));
        Source = new IPAddress(Ip.AsSpan(12, 4)).ToString();
        Destination = new IPAddress(Ip.AsSpan(16, 4)).ToString();
        Protocol = Ip[9];
        Ttl = Ip[8];
        FragmentWord = Build.Get16(Ip, 6);
        Payload = Ip[header..];
        if ((FragmentWord & 0x3FFF) == 0) Verify(Protocol == 1 ? [] : Build.Pseudo(Source, Destination, Protocol, Payload.Length));
    }

    private void Read6()
    {
        Assert.Equal(Ip.Length - 40, Build.Get16(Ip, 4));
        Source = new IPAddress(Ip.AsSpan(8, 16)).ToString();
        Destination = new IPAddress(Ip.AsSpan(24, 16)).ToString();
        Protocol = Ip[6];
        Ttl = Ip[7];
        Payload = Ip[40..];
        Verify(Build.Pseudo(Source, Destination, Protocol, Payload.Length));
    }

    private void Verify(byte[] pseudo)
    {
        if (Protocol is not (1 or 6 or 17 or 58) || (Protocol == 17 && Build.Get16(Payload, 6) == 0)) return;
        Assert.Equal(0, SlowChecksum.Of([.. pseudo, .. Payload]));
    }
}
