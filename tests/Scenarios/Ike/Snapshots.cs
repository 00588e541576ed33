using Gateway.Ike.Sa;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>The form of an IKE SA in the vault.</summary>
public sealed class Snapshots
{
    [Fact]
    public void A_damaged_snapshot_is_refused_and_never_throws()
    {
        using var lab = Lab.Up(resumesAtEveryStep: false);
        lab.Left.Rekey("net");
        var whole = Slot(lab);
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var length = 0; length < whole.Length; length++) Assert.False(Try(lab, whole.AsSpan(0, length)), $"cut to {length}");
        for (var i = 0; i < 3000; i++)
        {
            var damaged = whole.ToArray();
            for (var n = random.Next(1, 4); n > 0; n--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                Try(lab, damaged);
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }

        Assert.False(Try(lab, [.. whole, 0]));
        Assert.True(Try(lab, whole));
    }

    [Fact]
    public void Another_version_and_another_configuration_are_told_apart()
    {
        using var lab = Lab.Up(resumesAtEveryStep: false);
        var whole = Slot(lab);
        Assert.False(IkeSaSnapshot.TryDecode(whole, _ => null, out _, out var error));
        Assert.Contains("lab", error, StringComparison.Ordinal);
        whole[2] = 99;
        Assert.False(IkeSaSnapshot.TryDecode(whole, _ => lab.Left.Connections[0], out _, out error));
        Assert.Contains("version 99", error, StringComparison.Ordinal);
    }

    [Fact]
    public void No_fact_and_no_view_shows_a_key()
    {
        using var lab = Lab.Up(s => s with { Proposals = ["aes256-sha512-x25519"] }, resumesAtEveryStep: false);
        Assert.True(IkeSaSnapshot.TryDecode(Slot(lab), _ => lab.Left.Connections[0], out var state, out _));
        var established = (IkeSaState.Established)state;
        using var keys = established.Channel.Keys;
        var shown = string.Join('\n', lab.Trace) + string.Join('\n', lab.Left.Sas) + string.Join('\n', lab.Left.LastOutputs) + state + established.Channel;
        foreach (var secret in new[] { keys.D, keys.Ei, keys.Er, keys.Ai, keys.Ar, keys.Pi, keys.Pr })
            Assert.DoesNotContain(Convert.ToHexStringLower(secret.Span[..8]), shown, StringComparison.OrdinalIgnoreCase);
        foreach (var sa in lab.Left.Installed.Values) Assert.DoesNotContain(sa.InboundKey.ToString()[..16], shown, StringComparison.OrdinalIgnoreCase);
    }

    private static byte[] Slot(Lab lab) => lab.Left.Vault.Values.Single(v => v.Length > 2 && v.Span[0] == 'I' && v.Span[1] == 'K').Span.ToArray();

    private static bool Try(Lab lab, ReadOnlySpan<byte> content)
    {
        var ok = IkeSaSnapshot.TryDecode(content, name => name == new ConnectionName("lab") ? lab.Left.Connections[0] : null, out var state, out var error);
        Assert.NotEqual(ok, error is not null);
        state?.Release();
        return ok;
    }
}
