using System.Runtime.Intrinsics;
using Gateway.Crypto.Aead;
using Xunit;

namespace Gateway.Unit.Crypto;

/// <summary>ARM's instructions, or where there are none their arithmetic twin alone.</summary>
public sealed class ArmCryptoTests
{
    [Fact]
    public void A_block_of_the_standard_comes_out_of_the_rounds_as_arm_divides_them()
    {
        // FIPS 197 appendix C.1
        byte[] key = Convert.FromHexString("000102030405060708090a0b0c0d0e0f"), plain = Convert.FromHexString("00112233445566778899aabbccddeeff");
        Assert.Equal("69C4E0D86A7B0430D8CDB78070B4C55A", Encrypt<ArithmeticArmCrypto>(key, plain));
        if (Armv8Crypto.IsSupported) Assert.Equal("69C4E0D86A7B0430D8CDB78070B4C55A", Encrypt<Armv8Crypto>(key, plain));
    }

    [Fact]
    public void The_schedule_of_the_standard_comes_out_of_the_substitution_that_arm_has()
    {
        // FIPS 197 appendix A.1 to A.3: the last round keys.
        Assert.Equal("D014F9A8C9EE2589E13F0CC8B6630CA6", LastRoundKey("2b7e151628aed2a6abf7158809cf4f3c"));
        Assert.Equal("E98BA06F448C773C8ECC720401002202", LastRoundKey("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"));
        Assert.Equal("FE4890D1E6188D0B046DF344706C631E", LastRoundKey("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"));
    }

    [Fact]
    public void Instructions_and_arithmetic_agree_where_both_are_there()
    {
        if (!Armv8Crypto.IsSupported) Assert.Skip("This processor is not an ARM with the cryptographic extension.");
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 10_000; i++)
        {
            var (a, b) = (Some(random), Some(random));
            Assert.True(Armv8Crypto.Aese(a, b) == ArithmeticArmCrypto.Aese(a, b), $"AESE {a} {b} seed {seed}");
            Assert.True(Armv8Crypto.Aesmc(a) == ArithmeticArmCrypto.Aesmc(a), $"AESMC {a} seed {seed}");
            Assert.True(Armv8Crypto.Pmull2(a.AsUInt64(), b.AsUInt64()) == ArithmeticArmCrypto.Pmull2(a.AsUInt64(), b.AsUInt64()), $"PMULL2 {a} {b} seed {seed}");
        }
    }

    private static unsafe string Encrypt<TArm>(byte[] key, byte[] plain)
        where TArm : struct, IArmCrypto
    {
        var keys = stackalloc Vector128<byte>[11];
        fixed (byte* k = key) AesKeySchedule.Expand<ArmCipherUnit<TArm>>(k, key.Length, (byte*)keys);
        var state = ArmCipherUnit<TArm>.FirstRound(Vector128.Create(plain), keys);
        for (var round = 2; round < 10; round++) state = ArmCipherUnit<TArm>.Round(state, keys + round);
        state = ArmCipherUnit<TArm>.LastRound(state, keys + 10);
        return Convert.ToHexString(new ReadOnlySpan<byte>(&state, 16));
    }

    private static unsafe string LastRoundKey(string key)
    {
        var bytes = Convert.FromHexString(key);
        var keys = stackalloc byte[240];
        fixed (byte* k = bytes) AesKeySchedule.Expand<ArmCipherUnit<ArithmeticArmCrypto>>(k, bytes.Length, keys);
        return Convert.ToHexString(new ReadOnlySpan<byte>(keys + 16 * (bytes.Length / 4 + 6), 16));
    }

    private static Vector128<byte> Some(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return Vector128.Create(bytes);
    }
}
