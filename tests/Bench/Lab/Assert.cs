using Gateway.Bench.Harness;

namespace Xunit;

/// <summary>What the interop tests' network calls where it cannot be built: there a test is skipped, here the suite ends and says why.</summary>
internal static class Assert
{
    public static void Skip(string reason) => throw new NotHereException(reason);

    public static void SkipWhen(bool condition, string reason)
    {
        if (condition) Skip(reason);
    }

    public static void SkipUnless(bool condition, string reason)
    {
        if (!condition) Skip(reason);
    }
}
