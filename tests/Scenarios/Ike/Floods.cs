using System.Buffers.Binary;
using System.Net;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>First requests of strangers in numbers, with the limits as they are by default.</summary>
public sealed class Floods
{
    private const int _many = 50_000;

    private static Packet Bogus(Packet first, int number, Func<byte[], byte[]>? change = null)
    {
        var copy = first.Payload.ToArray();
        BinaryPrimitives.WriteInt64BigEndian(copy, number + 1);
        var source = new IPAddress([198, (byte)(18 + (number >> 16)), (byte)(number >> 8), (byte)number]);
        return first with { From = new IPEndPoint(source, 500), Payload = change?.Invoke(copy) ?? copy };
    }

    private static Lab Attacked(out Packet first)
    {
        var lab = Lab.Configured(right: s => s with { RemoteAddrs = ["%any"] }, resumesAtEveryStep: false);
        lab.Left.Initiate();
        first = lab.Take();
        return lab;
    }

    [Fact]
    [Rfc("7296", "2.6")]
    public void Fifty_thousand_first_requests_leave_thirty_half_open_ike_sas_and_nothing_else()
    {
        using var lab = Attacked(out var first);
        var threshold = new IkeSettings().CookieThreshold;
        for (var i = 0; i < _many; i++)
        {
            lab.Arrive(Bogus(first, i));
            lab.LoseAll();
        }

        Assert.Equal(threshold, lab.Right.Engine.Count);
        // What is not authenticated has no slot in the vault.
        Assert.Equal(lab.Right.Secrets.Count, lab.Right.Vault.Count);
        Assert.Equal(_many - threshold, lab.Right.Engine.Drops(IkeDrop.CookieRequested));
        // From then on an answer is no longer than what a stranger sent: nobody is flooded through the gateway.
        Assert.All(lab.Sent.Skip(1 + threshold), p => Assert.True(p.Payload.Length <= first.Payload.Length));
        lab.AssertNoFault();
        lab.Run(60);
        Assert.Equal(0, lab.Right.Engine.HalfOpen);
    }

    [Fact]
    [Rfc("7296", "2.6")]
    public void Cookies_that_are_made_up_open_nothing()
    {
        using var lab = Attacked(out var first);
        for (var i = 0; i < 2000; i++)
        {
            lab.Arrive(Bogus(first, i, copy =>
            {
                Assert.True(MessageCodec.TryParse(copy, out var its, out _));
                var cookie = new byte[17];
                new Random(i).NextBytes(cookie);
                return MessageCodec.Encode(its with { Payloads = its.Payloads.Prepend(new NotifyPayload(NotifyType.Cookie, cookie)).ToValueList() });
            }));
            lab.LoseAll();
        }

        Assert.Equal(new IkeSettings().CookieThreshold, lab.Right.Engine.HalfOpen);
        Assert.Equal(2000 - lab.Right.Engine.HalfOpen, lab.Right.Engine.Drops(IkeDrop.WrongCookie));
        lab.AssertNoFault();
    }
}
