using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>IKE messages that are larger than a packet (RFC 7383).</summary>
public sealed class Fragments
{
    private static readonly IkeSettings _small = new() { FragmentSize = 200 };

    [Fact]
    [Rfc("7383", "2.5")]
    public void Large_messages_go_in_fragments_that_fit()
    {
        using var lab = Lab.Configured(leftSettings: _small, rightSettings: _small);
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        var fragments = lab.Sent.Where(p => p.Message[16] == (byte)PayloadType.EncryptedFragment).ToList();
        Assert.True(fragments.Count >= 4);
        Assert.All(fragments, f => Assert.True(f.Payload.Length + 28 <= 200));
        lab.Left.Rekey();
        lab.Deliver();
        lab.AssertUp();
        lab.AssertNoNonceTwice();
    }

    [Fact]
    [Rfc("7383", "2.6")]
    public void Fragments_may_come_in_any_order_and_twice()
    {
        for (var seed = 1; seed <= 10; seed++)
        {
            var random = new Random(seed);
            using var lab = Lab.Configured(leftSettings: _small, rightSettings: _small, seed: seed);
            lab.Path = p => Enumerable.Repeat(p, random.Next(1, 3)).Select(x => x with { At = lab.Now + TimeSpan.FromMilliseconds(random.Next(1, 50)) });
            lab.Left.Initiate();
            lab.Run(2);
            lab.AssertUp();
        }
    }

    [Fact]
    [Rfc("7383", "2.6.1")]
    public void A_lost_fragment_is_sent_again_with_all_others_and_the_answer_once()
    {
        using var lab = Lab.Configured(leftSettings: _small, rightSettings: _small);
        var lost = 0;
        lab.Path = p => p.Message[16] == (byte)PayloadType.EncryptedFragment && lost++ is 0 or 3 ? [] : [p];
        lab.Left.Initiate();
        lab.Run(60);
        lab.AssertUp();
    }

    [Fact]
    public void A_connection_without_fragmentation_sends_whole_messages()
    {
        using var lab = Lab.Configured(s => s with { Fragmentation = FragmentationPolicy.No }, leftSettings: _small, rightSettings: _small);
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        Assert.DoesNotContain(lab.Sent, p => p.Message[16] == (byte)PayloadType.EncryptedFragment);
    }
}
