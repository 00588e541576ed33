namespace Gateway.Unit.House;

/// <summary>Finds the working tree that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>The folder that holds Gateway.sln.</summary>
    public static string Root { get; } = Find();

    /// <summary>All C# files below src, as paths from the root, without generated ones.</summary>
    public static IEnumerable<string> SourceFiles() =>
        Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Root, f))
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal));

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Gateway.sln"))) return folder.FullName;
        throw new InvalidOperationException("The tests must run inside the working tree that holds Gateway.sln.");
    }
}
