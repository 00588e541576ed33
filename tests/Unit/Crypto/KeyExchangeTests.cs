using Gateway.Crypto;
using Gateway.Crypto.KeyExchange;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class KeyExchangeTests
{
    public static TheoryData<KeyExchangeMethod> Methods => [.. KeyExchanges.Supported];

    [Theory, MemberData(nameof(Methods))]
    public void Both_sides_derive_the_same_secret(KeyExchangeMethod method)
    {
        using var ours = KeyExchanges.Create(method, SystemEntropy.Instance);
        using var theirs = KeyExchanges.Create(method, SystemEntropy.Instance);
        Assert.Equal(KeyExchanges.PublicLength(method), ours.PublicValue.Length);
        Assert.True(ours.TryDerive(theirs.PublicValue.Span, out var a));
        Assert.True(theirs.TryDerive(ours.PublicValue.Span, out var b));
        Assert.True(a.FixedTimeEquals(b));
        Assert.NotEqual(0, a.Length);
        a.Dispose();
        b.Dispose();
    }

    [Theory, MemberData(nameof(Methods))]
    public void An_exported_exchange_goes_on_where_it_was(KeyExchangeMethod method)
    {
        using var ours = KeyExchanges.Create(method, SystemEntropy.Instance);
        using var state = ours.ExportPrivate();
        using var again = KeyExchanges.Create(method, state.Span);
        Assert.Equal(ours.PublicValue.ToArray(), again.PublicValue.ToArray());
        Assert.True(KeyExchanges.TryRespond(method, ours.PublicValue.Span, SystemEntropy.Instance, out var peer, out var shared));
        Assert.True(again.TryDerive(peer.Span, out var resumed));
        Assert.True(shared.FixedTimeEquals(resumed));
        shared.Dispose();
        resumed.Dispose();
    }

    [Theory, MemberData(nameof(Methods))]
    public void The_same_entropy_gives_the_same_exchange(KeyExchangeMethod method)
    {
        using var one = KeyExchanges.Create(method, new SeededEntropy(7));
        using var same = KeyExchanges.Create(method, new SeededEntropy(7));
        using var other = KeyExchanges.Create(method, new SeededEntropy(8));
        Assert.Equal(one.PublicValue.ToArray(), same.PublicValue.ToArray());
        Assert.NotEqual(one.PublicValue.ToArray(), other.PublicValue.ToArray());
    }

    [Theory, MemberData(nameof(Methods))]
    public void Public_values_of_a_wrong_length_or_outside_the_group_are_refused(KeyExchangeMethod method)
    {
        using var ours = KeyExchanges.Create(method, SystemEntropy.Instance);
        var length = KeyExchanges.PublicLength(method);
        var one = new byte[length];
        one[^1] = 1;
        byte[][] hostile = [[], new byte[length - 1], new byte[length + 1], new byte[length], one, [.. Enumerable.Repeat((byte)0xff, length)]];
        // Montgomery curves take every string as a point; only 0 and 1 among these have small order, and 1 is little-endian there.
        var isMontgomery = method is KeyExchangeMethod.X25519 or KeyExchangeMethod.X448;
        foreach (var value in isMontgomery ? hostile[..4] : hostile)
            Assert.False(ours.TryDerive(value, out _), $"{method} took {Convert.ToHexString(value)}");
    }

    [Theory]
    [InlineData(KeyExchangeMethod.X25519, "wycheproof/x25519_test.json")]
    [InlineData(KeyExchangeMethod.X448, "wycheproof/x448_test.json")]
    [InlineData(KeyExchangeMethod.Ecp256, "wycheproof/ecdh_secp256r1_ecpoint_test.json")]
    public void Published_vectors_hold(KeyExchangeMethod method, string file)
    {
        var checks = 0;
        foreach (var test in Vectors.Load(file).GetProperty("testGroups").EnumerateArray().SelectMany(g => g.GetProperty("tests").EnumerateArray()))
        {
            var about = $"{file} {test.GetProperty("tcId")} {test.Text("comment")}";
            var point = test.Bytes("public");
            var isCurve = method is KeyExchangeMethod.Ecp256;
            // IKE sends x | y; compressed and malformed encodings of the file do not exist here.
            if (isCurve && (point.Length != 65 || point[0] != 4)) continue;
            var scalar = test.Bytes("private");
            var length = KeyExchanges.SeedLength(method);
            var seed = new byte[length];
            if (scalar.Length > length) scalar = scalar[^length..];
            scalar.CopyTo(seed, length - scalar.Length);
            using var ours = KeyExchanges.Create(method, seed);
            var derived = ours.TryDerive(isCurve ? point.AsSpan(1) : point, out var shared);
            var expected = test.Bytes("shared");
            var allZero = expected.All(b => b == 0);
            switch (test.Text("result"))
            {
                case "valid": Assert.True(derived, about); break;
                case "invalid": Assert.False(derived, about); break;
                default: Assert.True(derived || allZero, about); break;
            }
            if (derived) Assert.True(shared!.FixedTimeEquals(expected), about);
            shared?.Dispose();
            checks++;
        }
        Assert.True(checks > 50);
    }
}
